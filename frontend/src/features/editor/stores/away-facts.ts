/** Changes counted the way a person asks for them, with the nodes to look at. */
import { type Change, nodeOf } from "@/flow-core";

export type AwayKind =
  | "nodes_added"
  | "nodes_removed"
  | "nodes_changed"
  | "nodes_moved"
  | "edges"
  | "texts"
  | "rest";
export type AwayFact = { kind: AwayKind; count: number; nodes: readonly string[] };

const ORDER: readonly AwayKind[] = [
  "nodes_added",
  "nodes_changed",
  "texts",
  "nodes_removed",
  "nodes_moved",
  "edges",
  "rest",
];

export function awayFacts(changes: readonly Change[]): AwayFact[] {
  const found = new Map<AwayKind, { count: number; nodes: Set<string> }>();
  const counted = new Set<string>();
  for (const change of changes) {
    const kind = kindOf(change);
    const node = nodeOf(change);
    const fact = found.get(kind) ?? { count: 0, nodes: new Set<string>() };
    found.set(kind, fact);
    const isNode = kind === "nodes_changed" || kind === "nodes_moved";
    // Ten settings of one node are one changed node.
    if (!isNode || !counted.has(`${kind}:${node}`)) fact.count += 1;
    counted.add(`${kind}:${node}`);
    for (const id of placesOf(change, node)) fact.nodes.add(id);
  }
  return ORDER.flatMap((kind) => {
    const fact = found.get(kind);
    return fact ? [{ kind, count: fact.count, nodes: [...fact.nodes] }] : [];
  });
}

function kindOf(change: Change): AwayKind {
  switch (change.op) {
    case "add_node":
      return "nodes_added";
    case "remove_node":
      return "nodes_removed";
    case "set":
      return "nodes_changed";
    case "text":
      return "texts";
    case "place":
      return "nodes_moved";
    case "add_edge":
    case "remove_edge":
      return "edges";
    case "flow":
      return "rest";
  }
}

function placesOf(change: Change, node: string | null): string[] {
  if (change.op === "add_edge" || change.op === "remove_edge")
    return [change.edge.source, change.edge.target];
  return node === null || change.op === "remove_node" ? [] : [node];
}
