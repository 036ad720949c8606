/**
 * The shape of the live document: which root map holds what, and how one node is laid out.
 * Only this file and `operations.ts` know the keys.
 */
import * as Y from "yjs";
import type { FlowNode } from "./document";
import { isObject, type Json, type JsonObject } from "./json";

export type FlowRoots = {
  doc: Y.Doc;
  meta: Y.Map<unknown>;
  nodes: Y.Map<unknown>;
  edges: Y.Map<unknown>;
  notes: Y.Map<unknown>;
};

/** The plain dump the projection reads; any value may be malformed, the writer may be anyone. */
export type RawFlow = { meta: JsonObject; nodes: JsonObject; edges: JsonObject; notes: JsonObject };

export function rootsOf(doc: Y.Doc): FlowRoots {
  return {
    doc,
    meta: doc.getMap("meta"),
    nodes: doc.getMap("nodes"),
    edges: doc.getMap("edges"),
    notes: doc.getMap("notes"),
  };
}

export function rawFlow(roots: FlowRoots): RawFlow {
  return {
    meta: roots.meta.toJSON() as JsonObject,
    nodes: roots.nodes.toJSON() as JsonObject,
    edges: roots.edges.toJSON() as JsonObject,
    notes: roots.notes.toJSON() as JsonObject,
  };
}

export function plain(value: unknown): Json {
  return value instanceof Y.AbstractType ? (value.toJSON() as Json) : (value as Json);
}

export function nodeMap(roots: FlowRoots, id: string): Y.Map<unknown> | undefined {
  const node = roots.nodes.get(id);
  return node instanceof Y.Map ? node : undefined;
}

export function configMap(node: Y.Map<unknown>): Y.Map<Json> | undefined {
  const config = node.get("config");
  return config instanceof Y.Map ? (config as Y.Map<Json>) : undefined;
}

/** Who marked a node as deleted (a client id), and the node as it would come back. */
export function deletionOf(roots: FlowRoots, id: string): { clientId: number; node: FlowNode } | null {
  const node = nodeMap(roots, id);
  const mark = node?._map.get("deleted");
  if (!node || !mark || mark.deleted) return null;
  const { texts, config, deleted: _, ...rest } = plain(node) as JsonObject;
  const whole = { ...(isObject(config) ? config : {}), ...(isObject(texts) ? texts : {}) };
  return {
    clientId: mark.id.client,
    node: { ...rest, id, type: String(rest.type ?? ""), config: whole } as unknown as FlowNode,
  };
}

/** The shared text of a field, when the node has one. */
export function sharedText(roots: FlowRoots, id: string, field: string): Y.Text | undefined {
  const texts = nodeMap(roots, id)?.get("texts");
  const text = texts instanceof Y.Map ? texts.get(field) : undefined;
  return text instanceof Y.Text ? text : undefined;
}
