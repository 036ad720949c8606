/** Nodes as JSON text: what copy writes and paste reads, the same form as a whole flow. */
import { insideOf } from "./containers";
import { FLOW_SCHEMA, noteShape, type Point } from "./document";
import { isObject, type Json, type JsonObject } from "./json";
import type { Fragment } from "./operations";
import { type Projection, project } from "./projection";

export function copyText(fragment: Fragment): string {
  return JSON.stringify({ schema: FLOW_SCHEMA, ...fragment }, null, 2);
}

/** The selection with what is inside its containers; edges only when both ends are in it. */
export function fragmentOf(document: Projection["document"], selected: ReadonlySet<string>): Fragment {
  const selection = insideOf(selected, document.nodes);
  return {
    nodes: document.nodes.filter((node) => selection.has(node.id)),
    edges: document.edges.filter((edge) => selection.has(edge.source) && selection.has(edge.target)),
    notes: document.notes.filter((note) => selection.has(note.id)),
  };
}

/** Reads pasted text; null when it is something else. Malformed parts are dropped, never thrown. */
export function parseFragment(text: string): Fragment | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isObject(value) || !String(value.schema ?? "").startsWith("sage-studio/flow@")) return null;
  const { document } = project(
    { meta: {}, nodes: byId(value.nodes), edges: byId(value.edges, true), notes: byId(value.notes) },
    () => true,
  );
  const fragment: Fragment = { nodes: document.nodes, edges: document.edges, notes: document.notes };
  return fragment.nodes.length + fragment.notes.length > 0 ? fragment : null;
}

/** Where the top left corner of a fragment lies. */
export function fragmentOrigin(fragment: Fragment): Point {
  const points = [...fragment.nodes, ...fragment.notes.map(noteShape)].map((item) => item.pos);
  return [Math.min(...points.map((p) => p[0])), Math.min(...points.map((p) => p[1]))];
}

function byId(list: Json | undefined, keepOrder = false): JsonObject {
  const items = Array.isArray(list) ? list.filter(isObject) : [];
  return Object.fromEntries(
    items.map((item, index) => [
      typeof item.id === "string" && item.id ? item.id : `item_${index}`,
      keepOrder ? { ...item, at: index, by: "" } : item,
    ]),
  );
}
