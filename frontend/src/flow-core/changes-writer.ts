/**
 * Writes changes into a document that may have moved on. Each is checked against what is there
 * now: done already is fine, changed by somebody else meanwhile is refused, so nobody's work is
 * overwritten by an undo or by work that comes late.
 */
import type * as Y from "yjs";
import { type Change, placeOf } from "./changes";
import type { FlowNode, Point } from "./document";
import { isObject, type Json, type JsonObject, sameJson } from "./json";
import type { NodeTypes } from "./node-spec";
import { mergedText, replaceText, writeNode } from "./node-writer";
import { configMap, type FlowRoots, nodeMap, plain, sharedText } from "./schema";

export type Written = { applied: Change[]; refused: Change[] };

type Context = {
  roots: FlowRoots;
  types: NodeTypes;
  now: () => number;
  personId: string;
  /** Whether a node may go although somebody has changed it since it was added. */
  removesChanged: boolean;
};

type Outcome = "applied" | "known" | "refused";

/** The caller has opened the transaction. What is true already is neither applied nor refused. */
export function writeChanges(changes: readonly Change[], context: Context): Written {
  const written: Written = { applied: [], refused: [] };
  for (const change of changes) {
    const outcome = write(change, context);
    if (outcome === "applied") written.applied.push(change);
    else if (outcome === "refused") written.refused.push(change);
  }
  return written;
}

function write(change: Change, context: Context): Outcome {
  const { roots } = context;
  switch (change.op) {
    case "add_node":
      return addNode(change.node, context);
    case "remove_node":
      return removeNode(change.node, context);
    case "add_edge":
      return addEdge(change, context);
    case "remove_edge":
      if (!roots.edges.has(change.edge.id)) return "known";
      roots.edges.delete(change.edge.id);
      return "applied";
    case "place":
      return place(change, roots);
    case "text":
      return setText(change, roots);
    case "set":
      return setField(change, roots);
    case "flow":
      return setFlow(change, roots);
  }
}

function addNode(node: FlowNode, { roots, types }: Context): Outcome {
  const known = nodeMap(roots, node.id);
  if (!known) writeNode(roots, types, node);
  else if (isAlive(known)) return "known";
  // Deleting only marks, so what others changed in the node meanwhile comes back with it.
  else known.delete("deleted");
  return "applied";
}

function removeNode(was: FlowNode, { roots, now, removesChanged }: Context): Outcome {
  const node = alive(roots, was.id);
  if (!node) return "known";
  if (!removesChanged && !sameJson(contentOf(node), contentOfFlow(was))) return "refused";
  node.set("deleted", now());
  return "applied";
}

/** What a person puts into a node; where it stands is not work to be kept. */
function contentOf(node: Y.Map<unknown>): Json {
  const { deleted: _, pos: __, parent: ___, texts, ...rest } = plain(node) as JsonObject;
  const config = { ...(isObject(rest.config) ? rest.config : {}), ...(isObject(texts) ? texts : {}) };
  return { ...rest, name: rest.name ?? "", config };
}

function contentOfFlow({ id: _, pos: __, parent: ___, ...rest }: FlowNode): Json {
  return { ...rest, name: rest.name ?? "" } as unknown as JsonObject;
}

function addEdge(change: Extract<Change, { op: "add_edge" }>, context: Context): Outcome {
  const { roots, now, personId } = context;
  const { id, ...ends } = change.edge;
  if (roots.edges.has(id)) return "known";
  if (!alive(roots, ends.source) || !alive(roots, ends.target)) return "refused";
  roots.edges.set(id, { ...ends, at: now(), by: personId });
  return "applied";
}

function place(change: Extract<Change, { op: "place" }>, roots: FlowRoots): Outcome {
  const node = alive(roots, change.node);
  if (!node) return "refused";
  const here = placeOf({
    pos: plain(node.get("pos")) as unknown as Point,
    ...(typeof node.get("parent") === "string" ? { parent: node.get("parent") } : {}),
  } as FlowNode);
  const wanted = { ...here, ...change.value };
  if (sameJson(here, wanted)) return "known";
  if (change.was && !sameJson(here, { ...here, ...change.was })) return "refused";
  node.set("pos", [...wanted.pos]);
  if (wanted.parent) node.set("parent", wanted.parent);
  else node.delete("parent");
  return "applied";
}

function setText(change: Extract<Change, { op: "text" }>, roots: FlowRoots): Outcome {
  const text = alive(roots, change.node) && sharedText(roots, change.node, change.field);
  if (!text) return "refused";
  const current = text.toString();
  if (current === change.value) return "known";
  const merged = mergedText(change.was, change.value, current);
  if (merged === null) return "refused";
  replaceText(text, merged);
  return "applied";
}

function setField(change: Extract<Change, { op: "set" }>, roots: FlowRoots): Outcome {
  const node = alive(roots, change.node);
  const [first, key, ...deeper] = change.path;
  if (!node || first === undefined) return "refused";
  if (first !== "config") {
    return key === undefined ? setIn(node, first, change, first === "name" ? "" : undefined) : "refused";
  }
  const config = configMap(node);
  return config && key !== undefined && deeper.length === 0 ? setIn(config, key, change) : "refused";
}

function setFlow(change: Extract<Change, { op: "flow" }>, roots: FlowRoots): Outcome {
  const [first, key] = change.path;
  if (first === "notes" && key !== undefined) return setIn(roots.notes, key, change);
  if (first === undefined || key !== undefined) return "refused";
  return setIn(roots.meta, first, change, EMPTY_META[first]);
}

const EMPTY_META: Readonly<Record<string, Json>> = {
  name: "",
  description: "",
  settings: {},
  inputs: [],
  outputs: [],
  variables: {},
};

/** `empty` is what the projection shows for a missing key. */
function setIn(
  map: Y.Map<unknown> | Y.Map<Json>,
  key: string,
  { value, was }: { value?: Json; was?: Json },
  empty?: Json,
): Outcome {
  const current = map.has(key) ? plain(map.get(key)) : empty;
  if (sameJson(current, value ?? empty)) return "known";
  if (!sameJson(current, was ?? empty)) return "refused";
  if (value === undefined) map.delete(key);
  else (map as Y.Map<unknown>).set(key, value);
  return "applied";
}

function alive(roots: FlowRoots, id: string): Y.Map<unknown> | undefined {
  const node = nodeMap(roots, id);
  return node && isAlive(node) ? node : undefined;
}

function isAlive(node: Y.Map<unknown>): boolean {
  const deleted = node.get("deleted");
  return deleted === undefined || deleted === null;
}
