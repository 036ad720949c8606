/**
 * People in browsers, told from outside what to do, for histories that Python writes and judges
 * (`tests/flow/histories`): each step goes through the operations that the editor itself uses.
 */
import * as Y from "yjs";
import { ChangeRecorder } from "./change-recorder";
import { LiveFlow } from "./live-flow";
import { FlowOperations } from "./operations";
import type { FlowDocument } from "./projection";
import { project } from "./projection";
import { type FlowRoots, rawFlow, rootsOf, sharedText } from "./schema";
import { multiple, SPECS, specOf, TYPES } from "./testing";
import { FlowUndo } from "./undo";

/** What somebody does: `a` and `b` pick things among those there are, `value` is what is written. */
export type Step = { verb: string; a: number; b: number; value: number };
export type Person = { client: number; now: number };

const TYPE_NAMES = ["source", "map", "llm", "merge"];
const OUTPUTS = ["items", "text", "value"];
const INPUTS = ["items", "documents", "values"];
const KEYS = ["limit", "mode", "x"];
const TEXTS = ["prompt", "rules"];

/** One browser with an open flow. */
export class ReplayedPerson {
  private readonly doc = new Y.Doc();
  private readonly roots: FlowRoots;
  private readonly live: LiveFlow;
  private readonly operations: FlowOperations;
  private readonly undo: FlowUndo;
  private written: Uint8Array[] = [];
  private now: number;

  constructor({ client, now }: Person) {
    this.now = now;
    this.doc.clientID = client;
    this.roots = rootsOf(this.doc);
    this.live = new LiveFlow(this.roots, multiple);
    this.operations = new FlowOperations({
      roots: this.roots,
      types: () => TYPES,
      personId: `p${client}`,
      now: () => this.now,
    });
    this.undo = new FlowUndo(
      new ChangeRecorder(this.roots, this.live),
      (changes, origin) => this.operations.write(changes, origin, false),
      null,
      () => this.now,
    );
    this.doc.on("update", (update: Uint8Array, _origin: unknown, _doc: Y.Doc, { local }: Y.Transaction) => {
      if (local) this.written.push(update);
    });
  }

  /** Does one thing; returns the updates it sends. */
  act({ verb, a, b, value }: Step, at: number): Uint8Array[] {
    this.now += at;
    this.written = [];
    this.verbs[verb]?.(a, b, value);
    return this.written;
  }

  take(update: Uint8Array): void {
    Y.applyUpdate(this.doc, update, "outside");
  }

  /** Everything a peer with this state vector lacks. */
  lacking(vector: Uint8Array): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc, vector);
  }

  vector(): Uint8Array {
    return Y.encodeStateVector(this.doc);
  }

  /** The document, the flow in it, and what the screen shows, which was made step by step. */
  end() {
    const raw = rawFlow(this.roots);
    const { snapshot } = this.live;
    return {
      raw,
      flow: project(raw, multiple),
      shown: { document: snapshot.document, problems: snapshot.problems },
      clocks: Object.fromEntries(Y.decodeStateVector(this.vector())),
      pending: this.doc.store.pendingStructs !== null || this.doc.store.pendingDs !== null,
    };
  }

  private readonly verbs: Record<string, (a: number, b: number, value: number) => void> = {
    add: (a, b, value) => this.operations.addNode(specOf(pick(TYPE_NAMES, a)), [value, b]),
    add_inside: (a, b, value) =>
      this.operations.addNode(specOf(pick(TYPE_NAMES, a)), [value, b], this.node(b)),
    insert: (a, b, value) => {
      const edge =
        this.live.snapshot.document.edges[b % Math.max(1, this.live.snapshot.document.edges.length)];
      const through = { input: "items", output: "items" };
      if (edge) this.operations.insertNode(specOf(pick(TYPE_NAMES, a)), [value, b], edge, through);
    },
    move: (a, b, value) => this.operations.moveNodes(new Map([[this.node(a), [value, b]]])),
    move_all: (_a, b, value) =>
      this.operations.moveNodes(new Map(this.nodes().map((id, index) => [id, [value + index, b]]))),
    set: (a, b, value) => this.operations.setConfig(this.node(a), pick(KEYS, b), value),
    unset: (a, b) => this.operations.setConfig(this.node(a), pick(KEYS, b), undefined),
    rename: (a, _b, value) => this.operations.setNode([this.node(a)], "name", `name ${value}`),
    disable: (a, _b, value) =>
      this.operations.setNode([this.node(a)], "disabled", value % 2 === 0 || undefined),
    connect: (a, b, value) => {
      if (this.nodes().length > 0) this.operations.connect(this.ends(a, b, value));
    },
    reconnect: (a, b, value) => {
      if (this.nodes().length > 0) this.operations.reconnect([this.edge(value)], this.ends(a, b, value));
    },
    cut: (a) => this.operations.remove({ edges: [this.edge(a)] }),
    remove: (a, b, value) =>
      this.operations.remove({ nodes: value % 4 === 0 ? [this.node(a), this.node(b)] : [this.node(a)] }),
    restore: (a, b, value) => {
      const gone = this.all().filter((id) => !this.nodes().includes(id));
      const id = pick(gone, a);
      const node = { id, type: pick(TYPE_NAMES, b), pos: [value, b] as const, config: {} };
      if (id) this.operations.write([{ op: "add_node", node }], this);
    },
    put_in: (a, b) => this.operations.setParents(new Map([[this.node(a), this.node(b)]])),
    take_out: (a) => this.operations.setParents(new Map([[this.node(a), null]])),
    type: (a, b, value) => {
      const text = sharedText(this.roots, this.writer(a), pick(TEXTS, b));
      text?.insert(place(text.toString(), value), value % 3 === 0 ? `é${value}😀` : `<${value}>`);
    },
    wipe: (a, b, value) => {
      const text = sharedText(this.roots, this.writer(a), pick(TEXTS, b));
      const letters = [...(text?.toString() ?? "")];
      const from = letters.slice(0, value % (letters.length + 1));
      const gone = letters.slice(from.length, from.length + 1 + (value % 5)).join("");
      if (gone) text?.delete(from.join("").length, gone.length);
    },
    retype: (a, b, value) => this.operations.setText(this.writer(a), pick(TEXTS, b), `Say ${value} 😀 again`),
    note: (a, b, value) =>
      this.operations.addNote({ text: String(value), pos: [a, b], size: [100, 50], color: "blue" }),
    note_set: (a, _b, value) => this.operations.setNote(this.note(a), { text: `note ${value}` }),
    note_cut: (a) => this.operations.remove({ notes: [this.note(a)] }),
    flow: (_a, _b, value) => this.operations.setMeta("name", `flow ${value}`),
    settings: (_a, _b, value) => this.operations.setMeta("settings", { timeout_s: value }),
    paste: (a, b, value) => this.operations.insertFragment(this.copied(a, b), [value, value]),
    undo: () => this.undo.undo(),
    redo: () => this.undo.redo(),
  };

  private all(): string[] {
    return [...this.roots.nodes.keys()].sort();
  }

  private nodes(): string[] {
    return this.live.snapshot.document.nodes.map(({ id }) => id);
  }

  private node(index: number): string {
    return pick(this.nodes(), index);
  }

  /** Somebody may be typing in a node that another has just deleted. */
  private writer(index: number): string {
    return pick(
      this.all().filter((id) => sharedText(this.roots, id, "prompt")),
      index,
    );
  }

  private edge(index: number): string {
    return pick([...this.roots.edges.keys()].sort(), index);
  }

  private note(index: number): string {
    return pick([...this.roots.notes.keys()].sort(), index);
  }

  private ends(a: number, b: number, value: number) {
    return {
      source: this.node(a),
      source_port: pick(OUTPUTS, value),
      target: this.node(b),
      target_port: pick(INPUTS, value),
    };
  }

  private copied(a: number, b: number): Pick<FlowDocument, "nodes" | "edges" | "notes"> {
    const { nodes, edges, notes } = this.live.snapshot.document;
    const from = a % Math.max(1, nodes.length);
    return { nodes: nodes.slice(from, from + 1 + (b % 3)), edges, notes: notes.slice(0, b % 2) };
  }
}

/** Input ports that take one edge or many, by node type: Python projects by the same rules. */
export function ports(): Record<string, Record<string, boolean>> {
  return Object.fromEntries(
    Object.values(SPECS).map((spec) => [
      spec.id,
      Object.fromEntries(spec.input_ports.map((port) => [port.name, port.multiple === true])),
    ]),
  );
}

function pick(items: readonly string[], index: number): string {
  return items[index % Math.max(1, items.length)] ?? "";
}

/** A place between two characters, never inside of one. */
function place(text: string, value: number): number {
  const letters = [...text];
  return letters.slice(0, value % (letters.length + 1)).join("").length;
}
