import { expect, test } from "vitest";
import { copyText, fragmentOf, parseFragment } from "./clipboard";
import { LiveFlow } from "./live-flow";
import { project } from "./projection";
import { rawFlow, sharedText } from "./schema";
import { multiple, replica, specOf, syncAll, undoOf } from "./testing";
import { tidied } from "./tidy";

const flowOf = (target: ReturnType<typeof replica>) => project(rawFlow(target.roots), multiple).document;

test("a new node has its defaults and every shared text from the start", () => {
  const one = replica();
  const map = one.operations.addNode(specOf("map"), [8, 16]);
  const llm = one.operations.addNode(specOf("llm"), [240, 16]);
  const nodes = new Map(flowOf(one).nodes.map((node) => [node.id, node]));
  expect(map).toMatch(/^map_[a-z0-9]{4}$/);
  expect(nodes.get(map)?.config).toEqual({ limit: 10 });
  expect(nodes.get(llm)?.config).toEqual({ prompt: "Say:", rules: "" });
  expect(sharedText(one.roots, llm, "rules")?.toString()).toBe("");
});

test("two people typing into a new node's text keep both texts", () => {
  const [one, two] = [replica("p1"), replica("p2")];
  const id = one.operations.addNode(specOf("llm"), [0, 0]);
  syncAll([one, two]);
  sharedText(one.roots, id, "rules")?.insert(0, "one ");
  sharedText(two.roots, id, "rules")?.insert(0, "two ");
  syncAll([one, two]);
  const text = flowOf(one).nodes[0]?.config.rules as string;
  expect(text).toContain("one ");
  expect(text).toContain("two ");
  expect(flowOf(two)).toEqual(flowOf(one));
});

test("undoing a delete keeps what another person changed meanwhile", () => {
  const [one, two] = [replica("p1"), replica("p2")];
  const undo = undoOf(one);
  const id = one.operations.addNode(specOf("map"), [0, 0]);
  undo.cut();
  syncAll([one, two]);
  one.operations.remove({ nodes: [id] });
  two.operations.setConfig(id, "limit", 99);
  syncAll([one, two]);
  expect(flowOf(one).nodes).toEqual([]);
  undo.undo();
  syncAll([one, two]);
  expect(flowOf(two).nodes[0]?.config.limit).toBe(99);
});

test("undo takes back only one's own gestures, one at a time", () => {
  const [one, two] = [replica("p1"), replica("p2")];
  const undo = undoOf(one);
  const mine = one.operations.addNode(specOf("map"), [0, 0]);
  syncAll([one, two]);
  undo.cut();
  one.operations.moveNodes(new Map([[mine, [100, 100]]]));
  two.operations.addNode(specOf("map"), [5, 5]);
  syncAll([one, two]);
  undo.undo();
  expect(flowOf(one).nodes).toHaveLength(2);
  expect(flowOf(one).nodes.find((node) => node.id === mine)?.pos).toEqual([0, 0]);
});

test("adding a node from a loose end is one undo step", () => {
  const one = replica();
  const undo = undoOf(one);
  const source = one.operations.addNode(specOf("source"), [0, 0]);
  undo.cut();
  one.operations.addConnectedNode(specOf("map"), [200, 0], (id) => ({
    source,
    source_port: "items",
    target: id,
    target_port: "items",
  }));
  expect(flowOf(one).edges).toHaveLength(1);
  undo.undo();
  expect(flowOf(one).edges).toHaveLength(0);
  expect(flowOf(one).nodes).toHaveLength(1);
});

test("a removed node takes its connections along, and undo brings them back", () => {
  const one = replica();
  const undo = undoOf(one);
  const source = one.operations.addNode(specOf("source"), [0, 0]);
  const target = one.operations.addNode(specOf("map"), [200, 0]);
  one.operations.connect({ source, source_port: "items", target, target_port: "items" });
  undo.cut();
  one.operations.remove({ nodes: [target] });
  const gone = project(rawFlow(one.roots), multiple);
  expect(gone.document.edges).toEqual([]);
  expect(gone.problems).toEqual([]);
  undo.undo();
  expect(flowOf(one).edges).toHaveLength(1);
});

test("pasting gives new ids, keeps inner connections and follows renamed nodes in expressions", () => {
  const one = replica();
  const source = one.operations.addNode(specOf("source"), [0, 0]);
  const map = one.operations.addNode(specOf("map"), [200, 0]);
  one.operations.connect({ source, source_port: "items", target: map, target_port: "items" });
  one.operations.setConfig(map, "mode", `{{ ${source}.items[0].${source} }} about ${source}`);
  const document = flowOf(one);
  const fragment = parseFragment(copyText(fragmentOf(document, new Set([source, map]))));
  if (!fragment) throw new Error("nothing to paste");
  const added = one.operations.insertFragment(fragment, [40, 40]).nodes;
  const after = flowOf(one);
  const copy = after.nodes.find((node) => added.includes(node.id) && node.type === "map");
  const newSource = added.find((id) => id.startsWith("source_"));
  expect(after.nodes).toHaveLength(4);
  expect(after.edges).toHaveLength(2);
  expect(copy?.config.mode).toBe(`{{ ${newSource}.items[0].${source} }} about ${source}`);
  expect(copy?.pos).toEqual([240, 40]);
});

test.each(["", "hello", "[1]", '{"schema":"other"}', '{"schema":"sage-studio/flow@1","nodes":7}'])(
  "text that is no flow is not pasted: %s",
  (text) => expect(parseFragment(text)).toBeNull(),
);

test("a shared text is rewritten only where it differs", () => {
  const [one, two] = [replica("p1"), replica("p2")];
  const id = one.operations.addNode(specOf("llm"), [0, 0]);
  one.operations.setText(id, "prompt", "The quick brown fox");
  syncAll([one, two]);
  one.operations.setText(id, "prompt", "The slow brown fox");
  sharedText(two.roots, id, "prompt")?.insert(19, " jumps");
  syncAll([one, two]);
  expect(flowOf(one).nodes[0]?.config.prompt).toBe("The slow brown fox jumps");
});

test("a change of one node leaves every other node the very same object", () => {
  const one = replica();
  const ids = Array.from({ length: 50 }, (_, i) => one.operations.addNode(specOf("map"), [i * 10, 0]));
  const live = new LiveFlow(one.roots, multiple);
  const before = live.snapshot;
  let calls = 0;
  live.subscribe(() => {
    calls += 1;
  });
  one.operations.setConfig(ids[7] ?? "", "limit", 3);
  const changed = live.snapshot.document.nodes.filter((node) => node !== before.nodesById.get(node.id));
  expect(changed.map((node) => node.id)).toEqual([ids[7]]);
  expect(calls).toBe(1);
});

test("tidying puts every node to the right of what it waits for", () => {
  const one = replica();
  const ids = Array.from({ length: 6 }, () => one.operations.addNode(specOf("map"), [0, 0]));
  for (const [from, to] of [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
    [3, 4],
    [0, 4],
  ] as const) {
    one.operations.connect({
      source: ids[from] ?? "",
      source_port: "items",
      target: ids[to] ?? "",
      target_port: "items",
    });
  }
  const document = project(rawFlow(one.roots), () => true).document;
  const { positions } = tidied(document);
  for (const edge of document.edges) {
    expect(positions.get(edge.target)?.[0]).toBeGreaterThan(positions.get(edge.source)?.[0] ?? 0);
  }
  expect(new Set([...positions.values()].map(String)).size).toBe(6);
});
