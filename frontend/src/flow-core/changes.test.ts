import { expect, test } from "vitest";
import { type Change, diffDocuments, inverseOf, joined } from "./changes";
import { mergedText } from "./node-writer";
import { LocalOrigin } from "./operations";
import { parsePatch, toPatch } from "./patch-text";
import { project } from "./projection";
import { rawFlow, sharedText } from "./schema";
import { multiple, type Replica, replica, specOf, syncAll, undoOf } from "./testing";

const flowOf = (target: Replica) => project(rawFlow(target.roots), multiple).document;
const write = (target: Replica, changes: readonly Change[]) =>
  target.operations.write(changes, new LocalOrigin("test"));

function drawn(): { one: Replica; source: string; map: string; llm: string } {
  const one = replica();
  const source = one.operations.addNode(specOf("source"), [0, 0]);
  const map = one.operations.addNode(specOf("map"), [200, 0]);
  const llm = one.operations.addNode(specOf("llm"), [400, 0]);
  one.operations.connect({ source, source_port: "items", target: map, target_port: "items" });
  return { one, source, map, llm };
}

test("a diff written into the older document makes it the newer one, and its inverse undoes it", () => {
  const { one, source, map, llm } = drawn();
  const two = replica("p2");
  syncAll([one, two]);
  const before = flowOf(one);
  one.operations.remove({ nodes: [source] });
  one.operations.setConfig(map, "limit", 3);
  one.operations.setText(llm, "prompt", "Say: more 😀");
  one.operations.moveNodes(new Map([[llm, [40, 80]]]));
  one.operations.setMeta("name", "New");
  one.operations.addNode(specOf("merge"), [8, 8]);
  const after = flowOf(one);
  const isText = (id: string, field: string) => sharedText(one.roots, id, field) !== undefined;
  const changes = diffDocuments(before, after, { isText });
  expect(write(two, changes).refused).toEqual([]);
  expect(flowOf(two)).toEqual(after);
  expect(write(two, inverseOf(changes)).refused).toEqual([]);
  expect(flowOf(two)).toEqual(before);
});

test("a patch says the same after being written down and read again", () => {
  const { one, map, llm } = drawn();
  const before = flowOf(one);
  const two = replica("p2");
  syncAll([one, two]);
  one.operations.setText(llm, "prompt", "😀 Say:");
  one.operations.moveNodes(new Map([[map, [1, 2]]]));
  one.operations.setNode([map], "name", "Named");
  one.operations.connect({ source: map, source_port: "items", target: llm, target_port: "documents" });
  const isText = (id: string, field: string) => sharedText(one.roots, id, field) !== undefined;
  const changes = diffDocuments(before, flowOf(one), { isText });
  const read = parsePatch(JSON.stringify(toPatch(changes, "mine")));
  expect(read).not.toBeNull();
  expect(write(two, read ?? []).refused).toEqual([]);
  expect(flowOf(two)).toEqual(flowOf(one));
  expect(parsePatch("{}")).toBeNull();
  expect(parsePatch("no json")).toBeNull();
});

test("what others changed meanwhile is refused, what is true already is passed over", () => {
  const { one, map } = drawn();
  const set: Change = { op: "set", node: map, path: ["config", "limit"], value: 5, was: 10 };
  one.operations.setConfig(map, "limit", 7);
  expect(write(one, [set])).toEqual({ applied: [], refused: [set] });
  one.operations.setConfig(map, "limit", 5);
  expect(write(one, [set])).toEqual({ applied: [], refused: [] });
});

test("a value set again and again is one change", () => {
  const set = (value: number, was: number): Change => ({
    op: "set",
    node: "n",
    path: ["config", "limit"],
    value,
    was,
  });
  expect(joined([set(2, 1)], [set(3, 2), set(4, 3)])).toEqual([set(4, 1)]);
  expect(joined([set(2, 1)], [set(9, 8)])).toHaveLength(2);
});

test("two changes of one text meet unless they touch the same letters", () => {
  expect(mergedText("one two three", "ONE two three", "one two THREE")).toBe("ONE two THREE");
  expect(mergedText("one two three", "one two THREE", "ONE! two three")).toBe("ONE! two THREE");
  expect(mergedText("one two", "one TWO", "one 2")).toBeNull();
  expect(mergedText("a", "b", "a")).toBe("b");
});

test("undo goes on after a reload, and redo too", () => {
  const { one, map } = drawn();
  let kept: string | null = null;
  const memory = {
    load: () => kept,
    save: (text: string): void => {
      kept = text;
    },
  };
  const undo = undoOf(one, memory);
  one.operations.setConfig(map, "limit", 1);
  undo.cut();
  one.operations.remove({ nodes: [map] });
  undo.save();
  undo.destroy();
  const again = undoOf(one, memory);
  expect(again.state).toEqual({ canUndo: true, canRedo: false });
  again.undo();
  expect(flowOf(one).nodes.find((node) => node.id === map)?.config.limit).toBe(1);
  again.undo();
  expect(flowOf(one).nodes.find((node) => node.id === map)?.config.limit).toBe(10);
  again.redo();
  expect(flowOf(one).nodes.find((node) => node.id === map)?.config.limit).toBe(1);
  again.redo();
  expect(flowOf(one).nodes.some((node) => node.id === map)).toBe(false);
});

test("undoing the adding of a node leaves it when somebody else has worked in it", () => {
  const [one, two] = [replica("p1"), replica("p2")];
  const undo = undoOf(one);
  const map = one.operations.addNode(specOf("map"), [0, 0]);
  syncAll([one, two]);
  two.operations.setConfig(map, "limit", 99);
  syncAll([one, two]);
  expect(undo.undo()).toHaveLength(1);
  expect(flowOf(one).nodes[0]?.config.limit).toBe(99);
});

test("undo says when others have overtaken a step, and goes on with the next one", () => {
  const { one, map, llm } = drawn();
  const undo = undoOf(one);
  one.operations.setNode([llm], "name", "Mine");
  undo.cut();
  one.operations.setConfig(map, "limit", 1);
  undo.cut();
  one.doc.transact(
    () =>
      void one.operations.write([{ op: "set", node: map, path: ["config", "limit"], value: 2, was: 1 }], {}),
    "other",
  );
  expect(undo.undo()).toHaveLength(1);
  expect(undo.undo()).toEqual([]);
  expect(flowOf(one).nodes.find((node) => node.id === llm)?.name).toBe("");
});

test("typing is taken back by pauses, and in stretches where there is none", () => {
  const one = replica();
  const node = one.operations.addNode(specOf("llm"), [0, 0]);
  const text = sharedText(one.roots, node, "prompt");
  if (!text) throw new Error("no text");
  let now = 10_000;
  const undo = undoOf(one, null, () => now);
  undo.track(YSyncConfig);
  const origin = new YSyncConfig();
  const type = (words: string, everyMs: number): void => {
    for (const letter of words) {
      now += everyMs;
      one.doc.transact(() => text.insert(text.length, letter), origin);
    }
  };
  type(" one", 100);
  now += 600;
  type(" two", 100);
  now += 600;
  type("-".repeat(100), 100);
  const seen = [text.toString()];
  while (undo.state.canUndo) {
    undo.undo();
    seen.push(text.toString());
  }
  expect(seen.map((words) => words.length)).toEqual([112, 94, 53, 12, 8, 4]);
});

/** Stands for the text editor's own kind of writer. */
class YSyncConfig {}
