/** What the catalogue serves about a node type; the editor builds forms and ports from it. */
import type { Json } from "./json";

export type LocalText = { en: string; zh: string };
export type Category =
  | "trigger"
  | "source"
  | "processing"
  | "ai"
  | "control"
  | "output"
  | "utility"
  | "service";

export const CATEGORIES: readonly Category[] = [
  "trigger",
  "source",
  "processing",
  "ai",
  "control",
  "output",
  "utility",
  "service",
];

export type PortSpec = {
  name: string;
  type: string;
  label: LocalText;
  description?: LocalText;
  required?: boolean;
  multiple?: boolean;
};

export type Choice = { value: string; label: LocalText };

export type Control =
  | "text"
  | "textarea"
  | "prompt"
  | "code"
  | "number"
  | "slider"
  | "switch"
  | "select"
  | "json"
  | "list"
  | "key_value"
  | "files"
  | "credential"
  | "flow";

export type FieldSpec = {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "object" | "array" | "any";
  label: LocalText;
  help?: LocalText;
  default?: Json;
  required?: boolean;
  control?: Control;
  options?: Choice[];
  minimum?: number;
  maximum?: number;
  max_length?: number;
  unit?: LocalText;
  placeholder?: LocalText;
  expert?: boolean;
  expression?: "allowed" | "never" | "item" | "body";
  shared_text?: boolean;
  wireable?: boolean;
  show_when?: Record<string, Json[]>;
  credential_kinds?: string[];
  language?: "python" | "javascript" | "sql";
};

/** The inside of a container: the ports its body sees on it, and those its body fills. */
export type BodySpec = {
  gives: PortSpec[];
  takes: PortSpec[];
  sections?: string[];
  lanes?: boolean;
  is_loop?: boolean;
};

export type NodeSpec = {
  id: string;
  version: string;
  /** Those that are installed side by side, the newest first; `version` is the newest. */
  versions?: string[];
  /** The plug-in that brings it. */
  plugin?: string;
  name: LocalText;
  description: LocalText;
  category: Category;
  /** A name of our set, or an emoji. */
  icon: string;
  color?: string;
  inputs: PortSpec[];
  outputs: PortSpec[];
  /** Declared inputs and the wireable configuration fields, as the catalogue adds them. */
  input_ports: PortSpec[];
  config: FieldSpec[];
  effect?: "pure" | "idempotent" | "at_most_once";
  trigger?: boolean;
  summary?: LocalText;
  aliases?: string[];
  body?: BodySpec;
};

/** Node types by id. */
export interface NodeTypes {
  get(type: string): NodeSpec | undefined;
}

export function inputPort(spec: NodeSpec | undefined, name: string): PortSpec | undefined {
  return spec?.input_ports.find((port) => port.name === name);
}

export function outputPort(spec: NodeSpec | undefined, name: string): PortSpec | undefined {
  return spec?.outputs.find((port) => port.name === name);
}
