import { expect, test } from "vitest";
import type { Change, FlowDefinition } from "@/lib/api";
import { groupChanges, shownAs } from "./change-model";

const flow = (prompt: string, name = "Write the answer"): FlowDefinition => ({
  schema: "sage-studio/flow@1",
  name: "Ask",
  nodes: [
    { id: "llm_1", type: "llm", name, config: { prompt, temperature: 0.2 } },
    { id: "find_1", type: "retriever", name: "Find passages" },
  ],
  edges: [],
});
const change = (part: Partial<Change>): Change => ({
  kind: "node_changed",
  node_id: "",
  edge_id: "",
  path: "",
  before: null,
  after: null,
  text: "",
  ...part,
});

test("all changes of one node stand under its name, moved or not", () => {
  const sides = { before: flow("a"), after: flow("b") };
  const groups = groupChanges(
    [
      change({ node_id: "llm_1", path: "config.temperature", before: 0.7, after: 0.2 }),
      change({ kind: "node_moved", node_id: "llm_1" }),
      change({ kind: "edge_added", edge_id: "find_1:documents>llm_1:context" }),
    ],
    sides,
  );
  expect(groups).toEqual([
    {
      key: "changed:llm_1",
      sort: "changed",
      subject: { is: "node", id: "llm_1", name: "Write the answer", type: "llm" },
      moved: true,
      fields: [{ path: "config.temperature", before: 0.7, after: 0.2 }],
    },
    {
      key: "added:find_1:documents>llm_1:context",
      sort: "added",
      subject: { is: "edge", from: "Find passages", to: "Write the answer" },
      moved: false,
      fields: [],
    },
  ]);
});

test("an edited text shows both whole texts, read from the two flows", () => {
  const before = "Answer the question with care and say where it is from.";
  const after = "Answer only from the passages and say where it is from.";
  const [group] = groupChanges([change({ node_id: "llm_1", path: "config.prompt" })], {
    before: flow(before),
    after: flow(after),
  });
  expect(group?.fields.map(shownAs)).toEqual([{ as: "words", before, after }]);
});

test("a removed node keeps the name it had", () => {
  const [group] = groupChanges([change({ kind: "node_removed", node_id: "find_1" })], {
    before: flow("a"),
    after: { ...flow("a"), nodes: [] },
  });
  expect(group?.subject).toMatchObject({ name: "Find passages" });
});

test("values are shown in short, absent ones not at all", () => {
  expect(shownAs({ path: "config.k", before: null, after: { a: 1 } })).toEqual({
    as: "values",
    before: null,
    after: '{"a":1}',
  });
});
