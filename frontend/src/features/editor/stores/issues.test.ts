import { expect, test } from "vitest";
import type { FieldSpec, FlowNode, LiveSnapshot, NodeSpec, ProjectionProblem } from "@/flow-core";
import type { ServerIssue } from "../api/types";
import { createIssueStore, putIssues } from "./issue-store";
import { fieldIsShown, fieldIssue, findIssues, mergeIssues } from "./issues";

const text = (en: string) => ({ en, zh: en });
const field = (more: Partial<FieldSpec>): FieldSpec => ({
  name: "limit",
  type: "integer",
  label: text("Limit"),
  ...more,
});
const spec = (id: string, more: Partial<NodeSpec>): NodeSpec => ({
  id,
  version: "1",
  name: text(id),
  description: text(id),
  category: "processing",
  icon: "",
  inputs: [],
  outputs: [],
  input_ports: more.inputs ?? [],
  config: [],
  ...more,
});
const specs = new Map([
  ["source", spec("source", { outputs: [{ name: "text", type: "string", label: text("Text") }] })],
  [
    "count",
    spec("count", {
      inputs: [{ name: "items", type: "array<number>", label: text("Items"), required: true }],
      config: [field({ required: true, minimum: 1, maximum: 9 })],
    }),
  ],
]);
const types = { get: (type: string) => specs.get(type) };

function flow(
  nodes: FlowNode[],
  wires: [string, string][],
  problems: ProjectionProblem[] = [],
): LiveSnapshot {
  const edges = wires.map(([source, target]) => ({
    id: `${source}:text>${target}:items`,
    source,
    source_port: "text",
    target,
    target_port: "items",
  }));
  return {
    document: {
      schema: "sage-studio/flow@1",
      name: "",
      description: "",
      settings: {},
      inputs: [],
      outputs: [],
      variables: {},
      nodes,
      edges,
      notes: [],
    },
    problems,
    nodesById: new Map(nodes.map((node) => [node.id, node])),
    edgesById: new Map(edges.map((edge) => [edge.id, edge])),
  };
}
const node = (id: string, type: string, config = {}): FlowNode => ({ id, type, config, pos: [0, 0] });

test("missing values, missing connections, wrong types and unknown nodes are found", () => {
  const found = (snapshot: LiveSnapshot) => findIssues(snapshot, types).map((issue) => issue.kind);
  expect(found(flow([node("a", "count")], []))).toEqual(["field.required", "port.required"]);
  expect(found(flow([node("s", "source"), node("a", "count", { limit: 3 })], [["s", "a"]]))).toEqual([
    "edge.type",
  ]);
  expect(found(flow([node("x", "gone")], []))).toEqual(["node.unknown"]);
});

test("a disabled node has no problems", () => {
  expect(findIssues(flow([{ ...node("a", "count"), disabled: true }], []), types)).toEqual([]);
});

test("limits are checked, expressions are left to the server", () => {
  expect(fieldIssue(field({ minimum: 1, maximum: 9 }), 12)).toEqual({
    kind: "field.range",
    values: { min: "1", max: "9" },
  });
  expect(fieldIssue(field({ minimum: 1 }), "{{ 0 }}")).toBeNull();
  expect(fieldIssue(field({ max_length: 3 }), "abcd")?.kind).toBe("field.length");
});

test("a field appears only for the values of another that call for it", () => {
  const shown = field({ show_when: { mode: ["a", "b"] } });
  expect(fieldIsShown(shown, node("n", "count", { mode: "b" }))).toBe(true);
  expect(fieldIsShown(shown, node("n", "count", { mode: "c" }))).toBe(false);
  const mode = { ...field({ default: "a" }), name: "mode" };
  expect(fieldIsShown(shown, node("n", "count", {}), [mode, shown])).toBe(true);
});

test("the server's problems are added where the instant checks say nothing", () => {
  const own = findIssues(flow([node("a", "count")], []), types);
  const issue = (path: string, node_id = "a"): ServerIssue => ({
    code: "x",
    severity: "warning",
    node_id,
    path,
    message: text("m"),
  });
  const merged = mergeIssues(own, [issue("nodes[0].config.limit"), issue("nodes[0].config.other")]);
  expect(merged.filter((item) => item.kind === "server").map((item) => item.field)).toEqual(["other"]);
});

test("problems that stay the same keep their identity for the cards that show them", () => {
  const store = createIssueStore();
  const own = () => findIssues(flow([node("a", "count"), node("b", "count")], []), types);
  putIssues(store, own());
  const before = store.getState().byNode.get("a");
  putIssues(
    store,
    own().filter((issue) => issue.nodeId === "a"),
  );
  expect(store.getState().byNode.get("a")).toBe(before);
  expect(store.getState().byNode.has("b")).toBe(false);
});
