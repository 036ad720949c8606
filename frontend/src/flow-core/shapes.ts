/** The shapes the projection accepts, value by value; the same table as `sage_studio.flow.shapes`. */
import { isObject, type Json } from "./json";

export type Check = (value: Json) => boolean;
export type Shape = Record<string, Check>;

const text =
  (limit = Number.POSITIVE_INFINITY, least = 0): Check =>
  (value) => {
    if (typeof value !== "string") return false;
    const length = value.length <= limit && value.length >= least * 2 ? value.length : [...value].length;
    return length >= least && length <= limit;
  };
const oneOf =
  (...values: string[]): Check =>
  (value) =>
    typeof value === "string" && values.includes(value);
const number =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === "number" && value >= least && value <= most;
const integer =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && number(least, most)(value);
const above =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === "number" && value > least && value <= most;
const boolean: Check = (value) => typeof value === "boolean";
const mapping: Check = (value) => isObject(value);
const sequence: Check = (value) => Array.isArray(value);
const mappings: Check = (value) => Array.isArray(value) && value.every(isObject);
const pair: Check = (value) =>
  Array.isArray(value) && value.length === 2 && value.every((item) => typeof item === "number");

function matches(value: Json, shape: Shape): boolean {
  if (!isObject(value)) return false;
  return Object.entries(shape).every(([key, check]) => {
    const item = value[key];
    return item === undefined || check(item);
  });
}

export const isTypeName = text(100, 1);

const RETRY: Shape = {
  count: integer(0, 20),
  delay_s: number(0, 3600),
  backoff: number(1, 10),
  jitter: number(0, 1),
  errors: (value) => Array.isArray(value) && value.length <= 50 && value.every((item) => text(100, 1)(item)),
};

const executor = oneOf("local", "process", "celery", "ray", "kubernetes");

export const NODE: Shape = {
  type: isTypeName,
  version: text(32),
  name: text(200),
  config: mapping,
  pos: pair,
  size: pair,
  parent: text(),
  disabled: boolean,
  retry: (value) => matches(value, RETRY),
  timeout_s: above(0, 86_400 * 30),
  on_error: oneOf("fail", "continue", "route"),
  cache: boolean,
  concurrency: integer(1, 1000),
  executor,
  notes: text(20_000),
};

export const NOTE: Shape = { text: text(20_000), pos: pair, size: pair, color: text() };

const BUDGET: Shape = {
  amount: integer(0, 1_000_000_000),
  currency: (value) => typeof value === "string" && /^[A-Z]{3}$/.test(value),
};

export const SETTINGS: Shape = {
  mode: oneOf("batch", "streaming", "event"),
  timeout_s: above(0, 86_400 * 365),
  on_error: oneOf("fail", "continue"),
  concurrency: integer(1, 1000),
  executor,
  timezone: text(),
  optimise: oneOf("on", "off"),
  unread_nodes: oneOf("run", "skip"),
  budget: (value) => isObject(value) && value.amount !== undefined && matches(value, BUDGET),
};

export const META: Shape = {
  name: text(200),
  description: text(20_000),
  settings: mapping,
  inputs: sequence,
  outputs: mappings,
  variables: mapping,
};

const INPUT: Shape = { name: text(64, 1), type: text(), required: boolean, label: text() };

export function isFlowInput(value: Json): boolean {
  return isObject(value) && value.name !== undefined && matches(value, INPUT);
}
