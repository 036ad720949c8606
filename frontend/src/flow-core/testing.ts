/** A small catalogue and documents for the tests of the flow core. */
import * as Y from "yjs";
import { ChangeRecorder } from "./change-recorder";
import { LiveFlow } from "./live-flow";
import type { NodeSpec, NodeTypes } from "./node-spec";
import { FlowOperations } from "./operations";
import { type FlowRoots, rootsOf } from "./schema";
import { FlowUndo, type UndoMemory } from "./undo";

const text = (en: string) => ({ en, zh: en });
const port = (name: string, type: string, multiple = false) => ({ name, type, label: text(name), multiple });

function spec(id: string, parts: Partial<NodeSpec>): NodeSpec {
  const inputs = parts.inputs ?? [];
  return {
    id,
    version: "1.0.0",
    name: text(id),
    description: text(id),
    category: "processing",
    icon: "list",
    inputs,
    outputs: [],
    input_ports: inputs,
    config: [],
    ...parts,
  };
}

export const SPECS: Record<string, NodeSpec> = {
  source: spec("source", { outputs: [port("items", "array<any>")], trigger: true }),
  map: spec("map", {
    inputs: [port("items", "array<any>")],
    outputs: [port("items", "array<any>")],
    config: [
      { name: "limit", type: "integer", label: text("Limit"), default: 10 },
      { name: "mode", type: "string", label: text("Mode"), default: null },
    ],
  }),
  llm: spec("llm", {
    inputs: [port("documents", "array<Document>")],
    outputs: [port("text", "string")],
    config: [
      { name: "prompt", type: "string", label: text("Prompt"), default: "Say:", shared_text: true },
      { name: "rules", type: "string", label: text("Rules"), shared_text: true },
    ],
  }),
  merge: spec("merge", { inputs: [port("values", "any", true)], outputs: [port("value", "any")] }),
};

export const TYPES: NodeTypes = { get: (type) => SPECS[type] };

export function multiple(type: string, name: string): boolean {
  const found = SPECS[type];
  return found ? (found.input_ports.find((item) => item.name === name)?.multiple ?? false) : true;
}

export function specOf(type: string): NodeSpec {
  const found = SPECS[type];
  if (!found) throw new Error(`no spec ${type}`);
  return found;
}

export type Replica = {
  doc: Y.Doc;
  roots: FlowRoots;
  operations: FlowOperations;
  clock: { now: number };
  recorder: ChangeRecorder;
};

export function replica(personId = "p1"): Replica {
  const doc = new Y.Doc();
  const roots = rootsOf(doc);
  const clock = { now: 1_000 };
  const operations = new FlowOperations({ roots, types: () => TYPES, personId, now: () => clock.now++ });
  const recorder = new ChangeRecorder(roots, new LiveFlow(roots, multiple));
  return { doc, roots, operations, clock, recorder };
}

export function undoOf(target: Replica, memory: UndoMemory | null = null, now?: () => number): FlowUndo {
  return new FlowUndo(
    target.recorder,
    (changes, origin) => target.operations.write(changes, origin, false),
    memory,
    now,
  );
}

/** Sends everything each replica has to every other one. */
export function syncAll(replicas: readonly Replica[]): void {
  for (const from of replicas) {
    for (const to of replicas) {
      if (from !== to) Y.applyUpdate(to.doc, Y.encodeStateAsUpdate(from.doc, Y.encodeStateVector(to.doc)));
    }
  }
}
