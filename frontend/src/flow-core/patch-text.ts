/** Changes as a flow patch (`sage-studio/patch@1`), and back: what is copied and pasted as text. */
import { type Change, type Place, setting } from "./changes";
import { edgeId, type FlowEdge, type FlowNode } from "./document";
import { isObject, type Json, type JsonObject } from "./json";
import { differing } from "./node-writer";

/** The changes as a flow patch, which the API, the command line and a paste into an editor take. */
export function toPatch(changes: readonly Change[], summary: string): JsonObject {
  return {
    schema: "sage-studio/patch@1",
    base: null,
    summary,
    operations: changes.map(operation),
  };
}

function operation(change: Change): JsonObject {
  switch (change.op) {
    case "add_node":
      return { op: "add_node", node: change.node as unknown as JsonObject };
    case "remove_node":
      return { op: "remove_node", id: change.node.id };
    case "add_edge":
      return { op: "add_edge", edge: change.edge };
    case "remove_edge":
      return { op: "remove_edge", id: change.edge.id };
    case "place":
      return {
        op: "move",
        node: change.node,
        pos: [...change.value.pos],
        ...(movesIn(change.value, change.was) ? { parent: change.value.parent ?? null } : {}),
      };
    case "text": {
      const { node, field, was } = change;
      return { op: "edit_text", node, path: ["texts", field], delta: deltaOf(was, change.value), was };
    }
    case "set":
    case "flow": {
      const suffix = change.op === "set" ? "" : "_flow";
      const said: JsonObject = { op: `set${suffix}` };
      if (change.op === "set") said.node = change.node;
      said.path = [...change.path];
      if (change.value === undefined) said.op = `unset${suffix}`;
      else said.value = change.value;
      if (change.was !== undefined) said.was = change.was;
      return said;
    }
  }
}

function movesIn(value: Place, was: Place | null): boolean {
  return value.parent !== undefined && value.parent !== was?.parent;
}

/** Counts are characters (code points), as the server counts. */
function deltaOf(was: string, value: string): Json[] {
  const { at, removed, added } = differing(was, value);
  const before = [...was.slice(0, at)].length;
  return [
    ...(before > 0 ? [{ retain: before }] : []),
    ...(added ? [{ insert: added }] : []),
    ...(removed ? [{ delete: [...removed].length }] : []),
  ];
}

/** Reads the text of a flow patch as "Copy my changes" writes it; null when it is something else. */
export function parsePatch(text: string): Change[] | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(value) || value.schema !== "sage-studio/patch@1" || !Array.isArray(value.operations)) {
    return null;
  }
  return value.operations.filter(isObject).flatMap((item) => readOperation(item) ?? []);
}

function readOperation(item: JsonObject): Change | null {
  const node = typeof item.node === "string" ? item.node : null;
  const id = typeof item.id === "string" ? item.id : null;
  const path = Array.isArray(item.path) ? item.path.map(String) : [];
  switch (item.op) {
    case "add_node":
      return isObject(item.node) && typeof item.node.id === "string" && typeof item.node.type === "string"
        ? { op: "add_node", node: { config: {}, pos: [0, 0], ...item.node } as unknown as FlowNode }
        : null;
    case "remove_node":
      return id ? { op: "remove_node", node: { id, type: "", config: {}, pos: [0, 0] } } : null;
    case "add_edge":
      return readEdge(item.edge);
    case "remove_edge":
      return id ? removedEdge(id) : null;
    case "set":
    case "unset":
      return node && path.length > 0 ? setting("set", node, path, item.value, item.was) : null;
    case "set_flow":
    case "unset_flow":
      return path.length > 0 ? setting("flow", "", path, item.value, item.was) : null;
    case "edit_text":
      return node && path[1] ? readText(node, path[1], item) : null;
    case "move":
      return node ? readMove(node, item) : null;
    default:
      return null;
  }
}

function readEdge(value: Json | undefined): Change | null {
  if (!isObject(value)) return null;
  const { source, source_port, target, target_port } = value;
  if (![source, source_port, target, target_port].every((end) => typeof end === "string" && end)) return null;
  const ends = { source, source_port, target, target_port } as Omit<FlowEdge, "id">;
  return { op: "add_edge", edge: { ...ends, id: edgeId(ends) } };
}

function removedEdge(id: string): Change {
  const [from = "", to = ""] = id.split(">");
  const [source = "", source_port = ""] = from.split(":");
  const [target = "", target_port = ""] = to.split(":");
  return { op: "remove_edge", edge: { id, source, source_port, target, target_port } };
}

function readText(node: string, field: string, item: JsonObject): Change | null {
  if (typeof item.was !== "string" || !Array.isArray(item.delta)) return null;
  const old = [...item.was];
  let at = 0;
  let value = "";
  for (const step of item.delta.filter(isObject)) {
    if (typeof step.retain === "number") {
      value += old.slice(at, at + step.retain).join("");
      at += step.retain;
    } else if (typeof step.insert === "string") value += step.insert;
    else if (typeof step.delete === "number") at += step.delete;
  }
  return { op: "text", node, field, value: value + old.slice(at).join(""), was: item.was };
}

function readMove(node: string, item: JsonObject): Change | null {
  const [x, y] = Array.isArray(item.pos) ? item.pos : [];
  if (typeof x !== "number" || typeof y !== "number") return null;
  const parent = typeof item.parent === "string" ? item.parent : item.parent === null ? null : undefined;
  return {
    op: "place",
    node,
    value: { pos: [x, y], ...(parent === undefined ? {} : { parent }) },
    was: null,
  };
}
