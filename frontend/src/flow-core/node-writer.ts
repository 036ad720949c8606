/** Writes a node into the document: its maps, and all its shared texts from the start. */
import * as Y from "yjs";
import type { FlowNode } from "./document";
import type { Json } from "./json";
import type { NodeTypes } from "./node-spec";
import type { FlowRoots } from "./schema";

export const PLAIN_NODE_KEYS = [
  "retry",
  "timeout_s",
  "on_error",
  "cache",
  "concurrency",
  "executor",
  "notes",
  "size",
  "pinned",
] as const;

/** The caller has opened the transaction. A text field of the type becomes a text people share. */
export function writeNode(roots: FlowRoots, types: NodeTypes, node: FlowNode): void {
  const spec = types.get(node.type);
  const texts = new Y.Map<Y.Text>();
  const config = new Y.Map<Json>();
  const shared = new Set((spec?.config ?? []).filter((f) => f.shared_text).map((f) => f.name));
  for (const name of shared) texts.set(name, new Y.Text(textOf(node.config[name])));
  for (const [key, value] of Object.entries(node.config)) if (!shared.has(key)) config.set(key, value);
  const map = new Y.Map<unknown>();
  map.set("type", node.type);
  if (node.version) map.set("version", node.version);
  map.set("name", node.name ?? "");
  map.set("pos", [...node.pos]);
  if (node.parent !== undefined) map.set("parent", node.parent);
  if (node.disabled) map.set("disabled", true);
  const values = node as Record<string, unknown>;
  for (const key of PLAIN_NODE_KEYS) if (values[key] !== undefined) map.set(key, values[key]);
  map.set("config", config);
  map.set("texts", texts);
  roots.nodes.set(node.id, map);
}

export function textOf(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
}

/** Rewrites only the differing middle of a text, so that other people's carets stay put. */
export function replaceText(text: Y.Text, value: string): void {
  const hunk = differing(text.toString(), value);
  if (hunk.removed) text.delete(hunk.at, hunk.removed.length);
  if (hunk.added) text.insert(hunk.at, hunk.added);
}

export type Hunk = { at: number; removed: string; added: string };

/** The one stretch in which two texts differ; never parts a surrogate pair. */
export function differing(before: string, after: string): Hunk {
  if (before === after) return { at: 0, removed: "", added: "" };
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  if (start > 0 && isHigh(before.charCodeAt(start - 1))) start -= 1;
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail])
    tail += 1;
  if (tail > 0 && isLow(before.charCodeAt(before.length - tail))) tail -= 1;
  return {
    at: start,
    removed: before.slice(start, before.length - tail),
    added: after.slice(start, after.length - tail),
  };
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

/** Carries the change base → mine over to theirs; null when both changed the same stretch. */
export function mergedText(base: string, mine: string, theirs: string): string | null {
  if (theirs === base || mine === theirs) return mine;
  const ours = differing(base, mine);
  const other = differing(base, theirs);
  const shift = other.added.length - other.removed.length;
  if (ours.at >= other.at + other.removed.length) return put(theirs, { ...ours, at: ours.at + shift });
  if (ours.at + ours.removed.length <= other.at) return put(theirs, ours);
  return null;
}

function put(text: string, { at, removed, added }: Hunk): string {
  return text.slice(0, at) + added + text.slice(at + removed.length);
}
