/**
 * The pure projection: from the raw dump of a live document to the flow it stands for, and the
 * problems in it. The same function as `sage_studio.flow.projection`; both run the vectors in
 * `tests/golden/projection`. Total: any JSON is accepted, nothing throws.
 */
import { cycleLosers } from "./cycles";
import { edgeId, FLOW_SCHEMA, type FlowEdge, type FlowInput, type FlowNode, type FlowNote } from "./document";
import { isObject, type Json, type JsonObject } from "./json";
import { lifted } from "./levels";
import * as shapes from "./shapes";
import { asObject, compareText, plainJson, plainText } from "./values";

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

export type ProblemCode =
  | "edge.dangling"
  | "edge.port_taken"
  | "edge.cycle"
  | "edge.malformed"
  | "edge.too_many"
  | "node.malformed"
  | "node.field"
  | "node.parent_missing"
  | "node.parent_cycle"
  | "node.too_many"
  | "note.malformed"
  | "meta.field";

/** `other` is the node that is missing or the edge that won. */
export type ProjectionProblem = {
  code: ProblemCode;
  node_id?: string;
  edge_id?: string;
  path?: string;
  other?: string;
};

export type Projection = { document: FlowDocument; problems: ProjectionProblem[] };

/** Whether an input port of a node type takes many edges; true when the type is unknown. */
export type MultiplePort = (type: string, port: string) => boolean;

type Report = (problem: ProjectionProblem) => void;
type Drawn = { at: number; edge: FlowEdge };

const MAX_NODES = 10_000;
const MAX_EDGES = 100_000;
const MAX_NOTES = 10_000;
const NODE_ID = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const NOT_IN_NODE = new Set(["id", "deleted", "texts"]);
const NOT_IN_EDGE = new Set(["id", "at", "by"]);
const NOT_IN_META = new Set(["schema", "schema_", "nodes", "edges", "notes"]);
const NOTHING: ReadonlySet<string> = new Set();

export function project(raw: unknown, multiple: MultiplePort): Projection {
  const source = asObject(raw);
  const problems: ProjectionProblem[] = [];
  const report: Report = (problem) => problems.push(withoutEmpty(problem));
  const rawNodes = asObject(source.nodes);
  const nodes = projectNodes(rawNodes, report);
  const edges = projectEdges(asObject(source.edges), rawNodes, nodes, multiple, report);
  const document = {
    schema: FLOW_SCHEMA,
    ...projectMeta(asObject(source.meta), report),
    nodes: [...nodes.values()].sort((a, b) => compareText(a.id, b.id)),
    edges,
    notes: projectNotes(asObject(source.notes), report),
  } as FlowDocument;
  return { document, problems: problems.sort(byPlace) };
}

function byPlace(a: ProjectionProblem, b: ProjectionProblem): number {
  const parts = ["code", "edge_id", "node_id", "path", "other"] as const;
  return parts.reduce((order, part) => order || compareText(a[part] ?? "", b[part] ?? ""), 0);
}

function withoutEmpty(problem: ProjectionProblem): ProjectionProblem {
  return Object.fromEntries(Object.entries(problem).filter(([, value]) => value !== "")) as ProjectionProblem;
}

/** The values that have the shape asked for; unknown keys are kept as they are. */
function fields(
  source: JsonObject,
  shape: shapes.Shape,
  skip: ReadonlySet<string>,
  wrong: (key: string) => void,
): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(source)) {
    if (skip.has(key) || value === null || value === undefined) continue;
    const clean = plainJson(value);
    const check = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (!check || check(clean)) result[plainText(key)] = clean;
    else wrong(key);
  }
  return result;
}

function projectMeta(meta: JsonObject, report: Report): JsonObject {
  const wrong = (path: string): void => report({ code: "meta.field", path });
  const known = fields(meta, shapes.META, NOT_IN_META, wrong);
  const inputs = Array.isArray(known.inputs) ? known.inputs : [];
  const kept = inputs.filter((item, index) => {
    const valid = shapes.isFlowInput(item);
    if (!valid) wrong(`inputs[${index}]`);
    return valid;
  });
  const settings = fields(asObject(known.settings), shapes.SETTINGS, NOTHING, (key) =>
    wrong(`settings.${key}`),
  );
  return { name: "", description: "", outputs: [], variables: {}, ...known, settings, inputs: kept };
}

function projectNodes(raw: JsonObject, report: Report): Map<string, FlowNode> {
  const nodes = new Map<string, FlowNode>();
  for (const id of Object.keys(raw).sort(compareText)) {
    const value = raw[id];
    if (isObject(value) && value.deleted !== undefined && value.deleted !== null) continue;
    if (!isObject(value) || !NODE_ID.test(id) || !shapes.isTypeName(value.type ?? null)) {
      report({ code: "node.malformed", node_id: plainText(id) });
    } else if (nodes.size >= MAX_NODES) report({ code: "node.too_many", node_id: id });
    else nodes.set(id, projectNode(id, value, report));
  }
  checkParents(nodes, report);
  return nodes;
}

function projectNode(id: string, raw: JsonObject, report: Report): FlowNode {
  const wrong = (path: string): void => report({ code: "node.field", node_id: id, path });
  const known = fields(raw, shapes.NODE, NOT_IN_NODE, wrong);
  const config = { ...asObject(known.config) };
  for (const [name, value] of Object.entries(asObject(raw.texts))) {
    if (typeof value === "string") config[plainText(name)] = plainText(value);
    else wrong(`texts.${plainText(name)}`);
  }
  return { id, name: "", pos: [0, 0], ...known, config } as unknown as FlowNode;
}

/** Drops parents that are not there, and one parent of every ring (the largest node id loses). */
function checkParents(nodes: Map<string, FlowNode>, report: Report): void {
  const arcs: [string, string][] = [];
  for (const node of [...nodes.values()].sort((a, b) => compareText(a.id, b.id))) {
    if (node.parent === undefined) continue;
    if (nodes.has(node.parent)) arcs.push([node.id, node.parent]);
    else {
      report({ code: "node.parent_missing", node_id: node.id, other: node.parent });
      delete node.parent;
    }
  }
  for (const index of cycleLosers(arcs)) {
    const [id, parent] = arcs[index] ?? ["", ""];
    delete nodes.get(id)?.parent;
    report({ code: "node.parent_cycle", node_id: id, other: parent });
  }
}

function projectEdges(
  raw: JsonObject,
  rawNodes: JsonObject,
  nodes: ReadonlyMap<string, FlowNode>,
  multiple: MultiplePort,
  report: Report,
): FlowEdge[] {
  const whole = readEdges(raw, report).filter((drawn) => hasBothEnds(drawn, rawNodes, nodes, report));
  const drawn = onePerPort(whole, nodes, multiple, report);
  const losers = findCycleLosers(drawn, nodes);
  const kept = drawn.filter(({ edge }, index) => {
    if (losers.has(index)) report({ code: "edge.cycle", edge_id: edge.id });
    return !losers.has(index);
  });
  for (const { edge } of kept.slice(MAX_EDGES)) report({ code: "edge.too_many", edge_id: edge.id });
  return kept
    .slice(0, MAX_EDGES)
    .map(({ edge }) => edge)
    .sort((a, b) => compareText(a.id, b.id));
}

/** Indexes of the edges left out so that no level has a cycle. */
function findCycleLosers(drawn: readonly Drawn[], nodes: ReadonlyMap<string, FlowNode>): Set<number> {
  const parentOf = (id: string) => nodes.get(id)?.parent;
  const arcs: (readonly [string, string])[] = [];
  const ordering: number[] = [];
  for (const [index, { edge }] of drawn.entries()) {
    const arc = lifted(edge.source, edge.target, parentOf);
    if (arc === undefined) continue;
    arcs.push(arc);
    ordering.push(index);
  }
  return new Set(cycleLosers(arcs).map((index) => ordering[index] ?? -1));
}

/** Well-formed edges, oldest first; the same connection stored under two keys is one edge. */
function readEdges(raw: JsonObject, report: Report): Drawn[] {
  const found = new Map<string, Drawn>();
  for (const key of Object.keys(raw).sort(compareText)) {
    const drawn = readEdge(raw[key]);
    if (!drawn) {
      report({ code: "edge.malformed", edge_id: plainText(key) });
      continue;
    }
    const known = found.get(drawn.edge.id);
    if (!known || drawn.at < known.at) found.set(drawn.edge.id, drawn);
  }
  return [...found.values()].sort((a, b) => a.at - b.at || compareText(a.edge.id, b.edge.id));
}

function readEdge(value: Json | undefined): Drawn | null {
  if (!isObject(value)) return null;
  const ends = [value.source, value.source_port, value.target, value.target_port];
  if (!ends.every((end): end is string => typeof end === "string" && end !== "")) return null;
  const [source = "", source_port = "", target = "", target_port = ""] = ends.map(plainText);
  const id = edgeId({ source, source_port, target, target_port });
  const at = plainJson(value.at);
  const edge = { id, ...fields(value, {}, NOT_IN_EDGE, () => undefined) } as unknown as FlowEdge;
  return { at: typeof at === "number" ? at : 0, edge };
}

/** An edge of a node that was deleted after the edge was drawn goes without a word. */
function hasBothEnds(
  drawn: Drawn,
  rawNodes: JsonObject,
  nodes: ReadonlyMap<string, FlowNode>,
  report: Report,
): boolean {
  const missing = [drawn.edge.source, drawn.edge.target].find((end) => !nodes.has(end));
  if (missing === undefined) return true;
  const deleted = Object.hasOwn(rawNodes, missing) ? asObject(rawNodes[missing]).deleted : undefined;
  if (typeof deleted !== "number" || drawn.at > deleted) {
    report({ code: "edge.dangling", edge_id: drawn.edge.id, other: missing });
  }
  return false;
}

/** A single-value input keeps its earliest edge by `(at, id)`. */
function onePerPort(
  drawn: readonly Drawn[],
  nodes: ReadonlyMap<string, FlowNode>,
  multiple: MultiplePort,
  report: Report,
): Drawn[] {
  const holders = new Map<string, string>();
  return drawn.filter(({ edge }) => {
    if (multiple(nodes.get(edge.target)?.type ?? "", edge.target_port)) return true;
    const port = JSON.stringify([edge.target, edge.target_port]);
    const first = holders.get(port);
    if (first === undefined) {
      holders.set(port, edge.id);
      return true;
    }
    report({ code: "edge.port_taken", edge_id: edge.id, node_id: edge.target, other: first });
    return false;
  });
}

function projectNotes(raw: JsonObject, report: Report): FlowNote[] {
  const notes: JsonObject[] = [];
  for (const key of Object.keys(raw).sort(compareText)) {
    const value = raw[key];
    const id = plainText(key);
    const wrong = (name: string): void => report({ code: "note.malformed", path: `notes.${id}.${name}` });
    if (!isObject(value) || notes.length >= MAX_NOTES)
      report({ code: "note.malformed", path: `notes.${id}` });
    else notes.push({ id, ...fields(value, shapes.NOTE, new Set(["id"]), wrong) });
  }
  return notes as unknown as FlowNote[];
}
