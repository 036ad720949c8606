/**
 * The pure projection: from the raw dump of a live document to the canonical flow and the
 * problems in it. Every replica, and the Python server, gives the same answer for the same
 * document (shared golden vectors). Total: any JSON is accepted, nothing throws.
 */
import {
  FLOW_SCHEMA,
  type FlowEdge,
  type FlowInput,
  type FlowNode,
  type FlowNote,
  type Point,
} from "./document";
import { isObject, type Json, type JsonObject } from "./json";
import type { RawFlow } from "./schema";

export type FlowDocument = {
  schema: typeof FLOW_SCHEMA;
  name: string;
  description: string;
  settings: JsonObject;
  inputs: FlowInput[];
  outputs: Json[];
  variables: JsonObject;
  nodes: FlowNode[];
  edges: FlowEdge[];
  notes: FlowNote[];
};

export type ProjectionProblem = {
  code: "edge.dangling" | "edge.port_taken" | "edge.cycle";
  edge_id: string;
  node_id: string;
};

export type Projection = { document: FlowDocument; problems: ProjectionProblem[] };

/** Whether an input port of a node type takes many edges; true when the type is unknown. */
export type MultiplePort = (type: string, port: string) => boolean;

type RankedEdge = FlowEdge & { at: number };

export function project(raw: RawFlow, multiple: MultiplePort): Projection {
  const meta = asObject(raw.meta);
  const all = asObject(raw.nodes);
  const nodes = Object.keys(all)
    .sort(compareText)
    .flatMap((id) => projectNode(id, all[id]) ?? []);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const problems: ProjectionProblem[] = [];
  const edges = liveEdges(asObject(raw.edges), byId, all, problems);
  const single = onePerPort(edges, byId, multiple, problems);
  const acyclic = withoutCycles(single, problems);
  return {
    document: {
      schema: FLOW_SCHEMA,
      name: textOr(meta.name, ""),
      description: textOr(meta.description, ""),
      settings: asObject(meta.settings),
      inputs: asList(meta.inputs).filter(isFlowInput),
      outputs: asList(meta.outputs),
      variables: asObject(meta.variables),
      nodes,
      edges: acyclic.map(bare).sort((a, b) => compareText(a.id, b.id)),
      notes: projectNotes(asObject(raw.notes)),
    },
    problems: problems.sort((a, b) => compareText(a.code, b.code) || compareText(a.edge_id, b.edge_id)),
  };
}

function projectNode(id: string, raw: Json | undefined): FlowNode | null {
  if (!isObject(raw) || isDeleted(raw) || typeof raw.type !== "string" || raw.type === "") return null;
  const config: JsonObject = { ...asObject(raw.config) };
  for (const [name, text] of Object.entries(asObject(raw.texts))) {
    if (typeof text === "string") config[name] = text;
  }
  const node: FlowNode = {
    id,
    type: raw.type,
    config,
    pos: pointOr(raw.pos, [0, 0]),
    name: textOr(raw.name, ""),
  };
  if (typeof raw.version === "string") node.version = raw.version;
  if (raw.size !== undefined && raw.size !== null) node.size = pointOr(raw.size, [0, 0]);
  if (typeof raw.parent === "string") node.parent = raw.parent;
  if (raw.disabled === true) node.disabled = true;
  if (isObject(raw.retry)) node.retry = raw.retry;
  if (typeof raw.timeout_s === "number") node.timeout_s = raw.timeout_s;
  if (typeof raw.on_error === "string") node.on_error = raw.on_error;
  if (raw.cache === true) node.cache = true;
  if (raw.pinned !== undefined && raw.pinned !== null) node.pinned = raw.pinned;
  if (typeof raw.notes === "string") node.notes = raw.notes;
  return node;
}

function isDeleted(raw: JsonObject): boolean {
  return raw.deleted !== undefined && raw.deleted !== null && raw.deleted !== false;
}

function liveEdges(
  raw: JsonObject,
  alive: ReadonlyMap<string, FlowNode>,
  known: JsonObject,
  problems: ProjectionProblem[],
): RankedEdge[] {
  const edges: RankedEdge[] = [];
  for (const id of Object.keys(raw).sort(compareText)) {
    const value = raw[id];
    const edge = isObject(value) ? readEdge(id, value) : null;
    if (!edge) continue;
    if (alive.has(edge.source) && alive.has(edge.target)) edges.push(edge);
    else if (!known[edge.source] || !known[edge.target]) {
      const node = alive.has(edge.target) ? edge.target : edge.source;
      problems.push({ code: "edge.dangling", edge_id: id, node_id: node });
    }
  }
  return edges;
}

function readEdge(id: string, value: JsonObject): RankedEdge | null {
  const { source, source_port, target, target_port, at } = value;
  if (typeof source !== "string" || typeof target !== "string") return null;
  if (typeof source_port !== "string" || typeof target_port !== "string") return null;
  const time = typeof at === "number" && Number.isFinite(at) ? at : 0;
  return { id, source, source_port, target, target_port, at: time };
}

/** A single-value input keeps its earliest edge by `(at, id)`. */
function onePerPort(
  edges: RankedEdge[],
  nodes: ReadonlyMap<string, FlowNode>,
  multiple: MultiplePort,
  problems: ProjectionProblem[],
): RankedEdge[] {
  const taken = new Set<string>();
  return [...edges].sort(byAge).filter((edge) => {
    if (multiple(nodes.get(edge.target)?.type ?? "", edge.target_port)) return true;
    const port = `${edge.target}\n${edge.target_port}`;
    if (!taken.has(port)) {
      taken.add(port);
      return true;
    }
    problems.push({ code: "edge.port_taken", edge_id: edge.id, node_id: edge.target });
    return false;
  });
}

/**
 * Adds edges from the oldest to the newest and leaves out each that would close a cycle: the
 * latest by `(at, id)` on every cycle loses.
 */
function withoutCycles(edges: RankedEdge[], problems: ProjectionProblem[]): RankedEdge[] {
  const next = new Map<string, string[]>();
  return [...edges].sort(byAge).filter((edge) => {
    if (reaches(next, edge.target, edge.source)) {
      problems.push({ code: "edge.cycle", edge_id: edge.id, node_id: edge.target });
      return false;
    }
    const targets = next.get(edge.source);
    if (targets) targets.push(edge.target);
    else next.set(edge.source, [edge.target]);
    return true;
  });
}

export function reaches(next: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const stack = [from];
  const seen = new Set<string>();
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at === to) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    stack.push(...(next.get(at) ?? []));
  }
  return false;
}

function projectNotes(raw: JsonObject): FlowNote[] {
  return Object.keys(raw)
    .sort(compareText)
    .flatMap((id) => {
      const note = raw[id];
      if (!isObject(note)) return [];
      const { text, pos, size, color } = note;
      return [
        {
          id,
          text: textOr(text, ""),
          pos: pointOr(pos, [0, 0]),
          size: pointOr(size, [200, 120]),
          color: textOr(color, "yellow"),
        },
      ];
    });
}

function byAge(a: RankedEdge, b: RankedEdge): number {
  return a.at - b.at || compareText(a.id, b.id);
}

/** By code point, as Python sorts; `<` on strings compares UTF-16 units. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function bare({ at: _, ...edge }: RankedEdge): FlowEdge {
  return edge;
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function asList(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function isFlowInput(value: unknown): value is FlowInput {
  return isObject(value) && typeof value.name === "string";
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}

function pointOr(value: unknown, fallback: Point): Point {
  const [x, y] = Array.isArray(value) ? value : [];
  return Number.isFinite(x) && Number.isFinite(y) ? [x as number, y as number] : fallback;
}
