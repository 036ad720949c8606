/**
 * Changes of a flow in words of the flow instead of CRDT bytes, each with what was there before.
 * They are what undo takes back (also after a reload), what carries unsent work over to a new
 * lineage of the document, what "Copy my changes" hands out, and what "While you were away" tells.
 */
import type { FlowEdge, FlowNode, Point } from "./document";
import { type Json, type JsonObject, sameJson } from "./json";
import type { FlowDocument } from "./projection";

/** `parent` undefined: wherever it is. */
export type Place = { pos: Point; parent?: string | null };

export type Change =
  | { op: "add_node"; node: FlowNode }
  | { op: "remove_node"; node: FlowNode }
  | { op: "set"; node: string; path: readonly string[]; value?: Json; was?: Json }
  | { op: "text"; node: string; field: string; value: string; was: string }
  /** `was` null: from anywhere. */
  | { op: "place"; node: string; value: Place; was: Place | null }
  | { op: "add_edge"; edge: FlowEdge }
  | { op: "remove_edge"; edge: FlowEdge }
  | { op: "flow"; path: readonly string[]; value?: Json; was?: Json };

type IsText = (node: string, field: string) => boolean;

export type DiffOptions = {
  /** Whether a configuration field is a shared text. */
  isText?: IsText;
  /** Only these edges; an edge also comes and goes in the projection because of others. */
  edges?: ReadonlySet<string>;
};

/** What turns `before` into `after`; parts with the same identity are not looked into. */
export function diffDocuments(
  before: FlowDocument,
  after: FlowDocument,
  { isText = () => false, edges }: DiffOptions = {},
): Change[] {
  const counts = (id: string): boolean => edges === undefined || edges.has(id);
  const old = byId(before.nodes);
  const now = byId(after.nodes);
  const oldEdges = byId(before.edges);
  const nowEdges = byId(after.edges);
  const changes: Change[] = [];
  for (const [id, edge] of oldEdges) {
    if (!nowEdges.has(id) && counts(id)) changes.push({ op: "remove_edge", edge });
  }
  for (const [id, node] of old) if (!now.has(id)) changes.push({ op: "remove_node", node });
  for (const [id, node] of now) {
    const was = old.get(id);
    if (!was) changes.push({ op: "add_node", node });
    else if (was !== node) changes.push(...diffNode(was, node, isText));
  }
  for (const [id, edge] of nowEdges) {
    if (!oldEdges.has(id) && counts(id)) changes.push({ op: "add_edge", edge });
  }
  return [...changes, ...diffFlow(before, after)];
}

const APART = new Set(["id", "config", "pos", "parent"]);

function diffNode(was: FlowNode, node: FlowNode, isText: IsText): Change[] {
  const changes: Change[] = [];
  const [place, placed] = [placeOf(was), placeOf(node)];
  if (!sameJson(place, placed)) changes.push({ op: "place", node: node.id, value: placed, was: place });
  const [old, now] = [was as unknown as JsonObject, node as unknown as JsonObject];
  for (const key of differingKeys(old, now)) {
    if (!APART.has(key)) changes.push(setting("set", node.id, [key], now[key], old[key]));
  }
  for (const key of differingKeys(was.config, node.config)) {
    const [value, before] = [node.config[key], was.config[key]];
    if (isText(node.id, key) && typeof value === "string" && typeof before === "string") {
      changes.push({ op: "text", node: node.id, field: key, value, was: before });
    } else changes.push(setting("set", node.id, ["config", key], value, before));
  }
  return changes;
}

export function placeOf(node: FlowNode): Place {
  return { pos: node.pos, parent: node.parent ?? null };
}

function diffFlow(before: FlowDocument, after: FlowDocument): Change[] {
  const changes: Change[] = [];
  for (const key of ["name", "description", "settings", "inputs", "outputs", "variables"] as const) {
    if (!sameJson(before[key], after[key])) {
      changes.push(setting("flow", "", [key], after[key] as Json, before[key] as Json));
    }
  }
  const [old, now] = [byId(before.notes), byId(after.notes)];
  for (const id of new Set([...old.keys(), ...now.keys()])) {
    const [value, was] = [bodyOf(now.get(id)), bodyOf(old.get(id))];
    if (now.get(id) !== old.get(id) && !sameJson(value, was)) {
      changes.push(setting("flow", "", ["notes", id], value, was));
    }
  }
  return changes;
}

function bodyOf(note: { id: string } | undefined): Json | undefined {
  if (!note) return undefined;
  const { id: _, ...body } = note;
  return body as JsonObject;
}

/** A change of one value; a side that is undefined is absent. */
export function setting(
  op: "set" | "flow",
  node: string,
  path: readonly string[],
  value: Json | undefined,
  was: Json | undefined,
): Change {
  const sides = { ...(value === undefined ? {} : { value }), ...(was === undefined ? {} : { was }) };
  return op === "set" ? { op, node, path, ...sides } : { op, path, ...sides };
}

function differingKeys(a: JsonObject, b: JsonObject): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !sameJson(a[key], b[key]));
}

function byId<T extends { id: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}

/** What takes the changes back, in the order it has to happen. */
export function inverseOf(changes: readonly Change[]): Change[] {
  return [...changes].reverse().map(inverse);
}

function inverse(change: Change): Change {
  switch (change.op) {
    case "add_node":
      return { op: "remove_node", node: change.node };
    case "remove_node":
      return { op: "add_node", node: change.node };
    case "add_edge":
      return { op: "remove_edge", edge: change.edge };
    case "remove_edge":
      return { op: "add_edge", edge: change.edge };
    case "set":
      return setting("set", change.node, change.path, change.was, change.value) as Change;
    case "flow":
      return setting("flow", "", change.path, change.was, change.value);
    case "text":
      return { ...change, value: change.was, was: change.value };
    case "place":
      return { ...change, value: change.was ?? change.value, was: change.value };
  }
}

/** Both one after the other; a value set again and again is one change from the first to the last. */
export function joined(first: readonly Change[], then: readonly Change[]): Change[] {
  const result = [...first];
  for (const change of then) {
    const at = result.findLastIndex((known) => targetOf(known) === targetOf(change));
    const known = result[at];
    const both = known && follow(known, change);
    if (both) result[at] = both;
    else result.push(change);
  }
  return result;
}

function follow(known: Change, next: Change): Change | null {
  if (known.op === "text" && next.op === "text" && known.value === next.was) {
    return { ...next, was: known.was };
  }
  if (known.op === "place" && next.op === "place" && sameJson(known.value, next.was)) {
    return { ...next, was: known.was };
  }
  if (known.op === "set" && next.op === "set" && sameJson(known.value, next.was)) {
    return setting("set", next.node, next.path, next.value, known.was);
  }
  if (known.op === "flow" && next.op === "flow" && sameJson(known.value, next.was)) {
    return setting("flow", "", next.path, next.value, known.was);
  }
  return null;
}

/** What a change is about; changes about the same may be joined. */
export function targetOf(change: Change): string {
  switch (change.op) {
    case "add_node":
    case "remove_node":
      return `node:${change.node.id}`;
    case "add_edge":
    case "remove_edge":
      return `edge:${change.edge.id}`;
    case "set":
      return `set:${change.node}:${change.path.join("/")}`;
    case "text":
      return `text:${change.node}:${change.field}`;
    case "place":
      return `place:${change.node}`;
    case "flow":
      return `flow:${change.path.join("/")}`;
  }
}

/** The node a change is about, if it is about one. */
export function nodeOf(change: Change): string | null {
  if (change.op === "add_node" || change.op === "remove_node") return change.node.id;
  if (change.op === "set" || change.op === "text" || change.op === "place") return change.node;
  return null;
}
