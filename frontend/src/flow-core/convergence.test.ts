/** Random concurrent histories of several people: all replicas end equal, and so do their flows. */
import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { LiveFlow } from "./live-flow";
import { project } from "./projection";
import { rawFlow, sharedText } from "./schema";
import { multiple, type Replica, replica, specOf, syncAll, undoOf } from "./testing";
import type { FlowUndo } from "./undo";

type Step = { who: number; what: string; a: number; b: number; value: number };

const KINDS = ["source", "map", "llm", "merge"];
const step = fc.record<Step>({
  who: fc.nat(2),
  what: fc.constantFrom(
    "add",
    "move",
    "set",
    "connect",
    "cut",
    "remove",
    "type",
    "note",
    "rename",
    "undo",
    "redo",
    "sync",
  ),
  a: fc.nat(9),
  b: fc.nat(9),
  value: fc.nat(1_000),
});

function pick(items: readonly string[], index: number): string {
  return items[index % Math.max(1, items.length)] ?? "";
}

function apply(target: Replica, undo: FlowUndo, { what, a, b, value }: Step): void {
  const { operations, roots } = target;
  const nodes = [...roots.nodes.keys()].sort();
  switch (what) {
    case "add":
      operations.addNode(specOf(pick(KINDS, a)), [value, b]);
      break;
    case "move":
      operations.moveNodes(new Map([[pick(nodes, a), [value, b]]]));
      break;
    case "set":
      operations.setConfig(
        pick(nodes, a),
        pick(["limit", "mode", "x"], b),
        value % 7 === 0 ? undefined : value,
      );
      break;
    case "connect":
      if (nodes.length > 0) {
        operations.connect({
          source: pick(nodes, a),
          source_port: "items",
          target: pick(nodes, b),
          target_port: pick(["items", "values"], value),
        });
      }
      break;
    case "cut":
      operations.remove({ edges: [pick([...roots.edges.keys()].sort(), a)] });
      break;
    case "remove":
      operations.remove({ nodes: [pick(nodes, a)] });
      break;
    case "type":
      sharedText(roots, pick(nodes, a), "rules")?.insert(0, String(value));
      break;
    case "note":
      operations.addNote({ text: String(value), pos: [a, b], size: [100, 50], color: "blue" });
      break;
    case "rename":
      operations.setNode([pick(nodes, a)], "name", String(value));
      break;
    case "undo":
      undo.undo();
      break;
    case "redo":
      undo.redo();
      break;
  }
}

test("concurrent histories converge to one document and one flow", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const people = [replica("p1"), replica("p2"), replica("p3")];
      const undos = people.map((person) => undoOf(person));
      const lives = people.map((person) => new LiveFlow(person.roots, multiple));
      for (const current of steps) {
        const person = people[current.who];
        const undo = undos[current.who];
        if (!person || !undo) continue;
        if (current.what === "sync") syncAll(people);
        else apply(person, undo, current);
      }
      syncAll(people);
      syncAll(people);
      const [first] = people;
      const flows = people.map((person) => project(rawFlow(person.roots), multiple));
      for (const [index, person] of people.entries()) {
        expect(flows[index]).toEqual(flows[0]);
        expect(Y.encodeStateVector(person.doc)).toEqual(Y.encodeStateVector(first?.doc ?? new Y.Doc()));
        // What the screen shows, made step by step, is what the document says.
        expect(lives[index]?.snapshot.document).toEqual(flows[index]?.document);
        expect(lives[index]?.snapshot.problems).toEqual(flows[index]?.problems);
      }
    }),
    { numRuns: 60 },
  );
});
