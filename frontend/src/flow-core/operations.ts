/**
 * Every change a person makes to a flow, each as one named transaction with a local origin, so
 * that undo takes back exactly one gesture and nothing of anybody else.
 */
import * as Y from "yjs";
import type { Change } from "./changes";
import { type Written, writeChanges } from "./changes-writer";
import { insideOf } from "./containers";
import {
  type EdgeEnds,
  edgeId,
  type FlowEdge,
  type FlowNode,
  type FlowNote,
  type NoteShape,
  newNodeId,
  noteShape,
  type Point,
  randomLetters,
} from "./document";
import { isObject, type Json, type JsonObject, sameJson } from "./json";
import type { FieldSpec, NodeSpec, NodeTypes } from "./node-spec";
import { type PLAIN_NODE_KEYS, replaceText, textOf, writeNode } from "./node-writer";
import { configMap, type FlowRoots, nodeMap, plain, sharedText } from "./schema";

/** Marks a transaction as this person's own; the undo manager tracks the class. */
export class LocalOrigin {
  constructor(readonly name: string) {}
}

export type Fragment = { nodes: FlowNode[]; edges: FlowEdge[]; notes: FlowNote[] };

type OperationsOptions = {
  roots: FlowRoots;
  types: () => NodeTypes;
  personId: string;
  now?: () => number;
};

export type NodeKey = (typeof PLAIN_NODE_KEYS)[number] | "name" | "disabled";

export class FlowOperations {
  private readonly roots: FlowRoots;
  private readonly types: () => NodeTypes;
  private readonly personId: string;
  private readonly now: () => number;

  constructor(options: OperationsOptions) {
    this.roots = options.roots;
    this.types = options.types;
    this.personId = options.personId;
    this.now = options.now ?? Date.now;
  }

  /** Adds a node of a type with its defaults and all its shared texts; returns its id. */
  addNode(spec: NodeSpec, pos: Point, parent?: string): string {
    const id = this.freeNodeId(spec.id);
    this.transact("add_node", () => {
      const inside = parent === undefined ? {} : { parent };
      writeNode(this.roots, this.types(), {
        id,
        type: spec.id,
        version: spec.version,
        config: defaults(spec),
        pos,
        ...inside,
      });
    });
    return id;
  }

  /** Adds a node and connects it to the node it was drawn from, as one step. */
  addConnectedNode(
    spec: NodeSpec,
    pos: Point,
    ends: (id: string) => EdgeEnds | null,
    parent?: string,
  ): string {
    let id = "";
    this.transact("add_node", () => {
      id = this.addNode(spec, pos, parent);
      const edge = ends(id);
      if (edge) this.connect(edge);
    });
    return id;
  }

  /** Adds a node in the middle of a connection. */
  insertNode(
    spec: NodeSpec,
    pos: Point,
    edge: FlowEdge,
    through: { input: string; output: string },
    parent?: string,
  ): string {
    let id = "";
    this.transact("insert_node", () => {
      id = this.addNode(spec, pos, parent);
      this.roots.edges.delete(edge.id);
      this.connect({
        source: edge.source,
        source_port: edge.source_port,
        target: id,
        target_port: through.input,
      });
      this.connect({
        source: id,
        source_port: through.output,
        target: edge.target,
        target_port: edge.target_port,
      });
    });
    return id;
  }

  moveNodes(positions: ReadonlyMap<string, Point>): void {
    this.transact("move_nodes", () => {
      for (const [id, pos] of positions) {
        const node = nodeMap(this.roots, id);
        if (node && !sameJson(plain(node.get("pos")), pos)) node.set("pos", [...pos]);
      }
    });
  }

  /** Puts nodes into containers, or out of them (null), where they stand. */
  setParents(parents: ReadonlyMap<string, string | null>): void {
    this.transact("set_parent", () => {
      for (const [id, parent] of parents) {
        const node = nodeMap(this.roots, id);
        if (!node || (node.get("parent") ?? null) === parent) continue;
        if (parent === null) node.delete("parent");
        else node.set("parent", parent);
      }
    });
  }

  /** Several changes of one gesture as one step. */
  together(name: string, change: () => void): void {
    this.transact(name, change);
  }

  /** Sets one top-level configuration value; `undefined` takes it away. */
  setConfig(id: string, key: string, value: Json | undefined): void {
    const node = nodeMap(this.roots, id);
    if (!node) return;
    this.transact("set_config", () => {
      let config = configMap(node);
      if (!config) {
        config = new Y.Map<Json>();
        node.set("config", config);
      }
      if (value === undefined) config.delete(key);
      else if (!sameJson(config.get(key), value)) config.set(key, value);
    });
  }

  /** Replaces a shared text by the smallest edit, so that other people's carets stay put. */
  setText(id: string, field: string, value: string): void {
    const text = sharedText(this.roots, id, field);
    if (text) this.transact("set_text", () => replaceText(text, value));
    else this.setConfig(id, field, value);
  }

  /** Gives a node another version of its type, with the settings made for that one. */
  setVersion(id: string, version: string, config: JsonObject): void {
    const node = nodeMap(this.roots, id);
    if (!node) return;
    this.transact("set_version", () => {
      node.set("version", version);
      const gone = [...(configMap(node)?.keys() ?? [])].filter((key) => !(key in config));
      for (const key of gone) this.setConfig(id, key, undefined);
      for (const [key, value] of Object.entries(config)) {
        if (sharedText(this.roots, id, key)) this.setText(id, key, textOf(value));
        else this.setConfig(id, key, value);
      }
    });
  }

  setNode(ids: readonly string[], key: NodeKey, value: Json | undefined): void {
    this.transact(`set_${key}`, () => {
      for (const id of ids) {
        const node = nodeMap(this.roots, id);
        if (!node) continue;
        if (value === undefined) node.delete(key);
        else if (!sameJson(node.get(key), value)) node.set(key, value);
      }
    });
  }

  connect(ends: EdgeEnds): string {
    const id = edgeId(ends);
    if (this.roots.edges.has(id)) return id;
    this.transact("connect", () => {
      this.roots.edges.set(id, { ...ends, at: this.now(), by: this.personId });
    });
    return id;
  }

  /** Connects, taking the place of `replaced` edges (moving an end, a taken single port). */
  reconnect(replaced: readonly string[], ends: EdgeEnds): void {
    this.transact("connect", () => {
      for (const id of replaced) this.roots.edges.delete(id);
      this.connect(ends);
    });
  }

  /**
   * Marks nodes, with what is inside them, as deleted and removes edges and notes. Marking keeps what
   * others change in the node meanwhile, so an undo loses nothing.
   */
  remove(targets: { nodes?: readonly string[]; edges?: readonly string[]; notes?: readonly string[] }): void {
    this.transact("remove", () => {
      for (const id of insideOf(targets.nodes ?? [], this.places())) {
        nodeMap(this.roots, id)?.set("deleted", this.now());
      }
      for (const id of targets.edges ?? []) this.roots.edges.delete(id);
      for (const id of targets.notes ?? []) this.roots.notes.delete(id);
    });
  }

  /** Removes nodes and joins what was before each with what came after, where ports allow. */
  bypassAndRemove(ids: readonly string[], joins: readonly EdgeEnds[]): void {
    this.transact("remove", () => {
      this.remove({ nodes: ids });
      for (const ends of joins) this.connect(ends);
    });
  }

  /** Inserts copies under new ids, shifted; expressions among the copies follow the new ids. */
  insertFragment(fragment: Fragment, offset: Point): { nodes: string[]; notes: string[] } {
    const ids = new Map<string, string>();
    const notes: string[] = [];
    this.transact("paste", () => {
      for (const node of fragment.nodes) ids.set(node.id, this.freeNodeId(node.type));
      for (const node of fragment.nodes) {
        const id = ids.get(node.id) ?? node.id;
        writeNode(this.roots, this.types(), { ...moved(node, offset, ids), id });
      }
      for (const edge of fragment.edges) {
        const source = ids.get(edge.source);
        const target = ids.get(edge.target);
        if (source && target) this.connect({ ...ends(edge), source, target });
      }
      for (const note of fragment.notes) {
        const { id: _, ...body } = noteShape(note);
        notes.push(this.addNote({ ...body, pos: shifted(body.pos, offset) }));
      }
    });
    return { nodes: [...ids.values()], notes };
  }

  /** Writes changes told in words of the flow; those that others have overtaken are refused. */
  write(changes: readonly Change[], origin: object, removesChanged = true): Written {
    const { roots, personId, now } = this;
    const context = { roots, types: this.types(), now, personId, removesChanged };
    return roots.doc.transact(() => writeChanges(changes, context), origin);
  }

  addNote(note: Omit<NoteShape, "id">): string {
    const id = `note_${randomLetters(6)}`;
    this.transact("add_note", () => {
      this.roots.notes.set(id, {
        text: note.text,
        pos: [...note.pos],
        size: [...note.size],
        color: note.color,
      });
    });
    return id;
  }

  setNote(id: string, change: Partial<Omit<NoteShape, "id">>): void {
    const note = this.roots.notes.get(id);
    if (!isObject(note)) return;
    const next = { ...note, ...(change as JsonObject) };
    if (!sameJson(note, next)) this.transact("set_note", () => this.roots.notes.set(id, next));
  }

  setMeta(key: "name" | "description" | "settings" | "inputs" | "variables", value: Json): void {
    if (sameJson(this.roots.meta.get(key), value)) return;
    this.transact(`set_flow_${key}`, () => this.roots.meta.set(key, value));
  }

  private *places(): Iterable<{ id: string; parent?: string }> {
    for (const id of this.roots.nodes.keys()) {
      const node = nodeMap(this.roots, id);
      const parent = node?.get("parent");
      if (node && !node.get("deleted")) yield typeof parent === "string" ? { id, parent } : { id };
    }
  }

  private freeNodeId(type: string): string {
    return newNodeId(type, (id) => this.roots.nodes.has(id));
  }

  private transact(name: string, change: () => void): void {
    this.roots.doc.transact(change, new LocalOrigin(name));
  }
}

/** The configuration a new node starts with. */
export function defaults(spec: NodeSpec): JsonObject {
  const config: JsonObject = {};
  for (const field of spec.config) {
    if (field.shared_text) config[field.name] = textOf(field.default);
    else if (hasDefault(field)) config[field.name] = structuredClone(field.default) as Json;
  }
  return config;
}

function hasDefault(field: FieldSpec): boolean {
  return field.default !== undefined && field.default !== null;
}

function ends(edge: FlowEdge): EdgeEnds {
  const { source, source_port, target, target_port } = edge;
  return { source, source_port, target, target_port };
}

function shifted(pos: Point, offset: Point): Point {
  return [pos[0] + offset[0], pos[1] + offset[1]];
}

function moved({ parent, ...node }: FlowNode, offset: Point, ids: ReadonlyMap<string, string>): FlowNode {
  const container = parent === undefined ? undefined : ids.get(parent);
  return {
    ...node,
    ...(container === undefined ? {} : { parent: container }),
    pos: shifted(node.pos, offset),
    config: renameReferences(node.config, ids) as JsonObject,
  };
}

/** Follows renamed nodes inside `{{ }}`; text outside of expressions is left alone. */
export function renameReferences(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((item) => renameReferences(item, ids));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renameReferences(item, ids)]));
  }
  if (typeof value !== "string" || !value.includes("{{")) return value;
  return value.replace(/\{\{[\s\S]*?\}\}/g, (expression) =>
    expression.replace(/(?<![.\w$])[A-Za-z_]\w*/g, (word) => ids.get(word) ?? word),
  );
}
