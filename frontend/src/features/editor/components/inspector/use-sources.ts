/** Which outputs are connected to a node: what `inputs` and `item` stand for in its expressions. */
import { directionOf, type LiveSnapshot } from "@/flow-core";
import type { OutputOf } from "../../api/expressions";

export type Sources = { inputs: Record<string, OutputOf>; item: OutputOf | null };

export function sourcesOf(nodeId: string, perItem: boolean, flow: LiveSnapshot): Sources {
  const inputs: Record<string, OutputOf> = {};
  for (const edge of flow.document.edges) {
    if (edge.target !== nodeId || directionOf(edge, flow.nodesById) === "result") continue;
    inputs[edge.target_port] ??= { node_id: edge.source, port: edge.source_port };
  }
  return { inputs, item: perItem ? (inputs.items ?? null) : null };
}
