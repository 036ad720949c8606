import { expect, test } from "vitest";
import type { Change } from "@/flow-core";
import { awayFacts } from "./away-facts";

test("ten settings of one node are one changed node, and each kind is counted by itself", () => {
  const set = (node: string, key: string): Change => ({ op: "set", node, path: ["config", key], value: 1 });
  const edge = { id: "a:x>b:y", source: "a", source_port: "x", target: "b", target_port: "y" };
  const changes: Change[] = [
    set("a", "one"),
    set("a", "two"),
    set("b", "one"),
    { op: "text", node: "a", field: "prompt", value: "n", was: "o" },
    { op: "add_edge", edge },
    { op: "flow", path: ["name"], value: "New", was: "Old" },
    { op: "remove_node", node: { id: "c", type: "t", config: {}, pos: [0, 0] } },
  ];
  expect(awayFacts(changes)).toEqual([
    { kind: "nodes_changed", count: 2, nodes: ["a", "b"] },
    { kind: "texts", count: 1, nodes: ["a"] },
    { kind: "nodes_removed", count: 1, nodes: [] },
    { kind: "edges", count: 1, nodes: ["a", "b"] },
    { kind: "rest", count: 1, nodes: [] },
  ]);
});
