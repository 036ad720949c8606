/** What an expression of a node may read: outputs upstream, its own inputs, variables, the item. */
import { type FlowDocument, type LiveSnapshot, type NodeTypes, outputPort } from "@/flow-core";
import { useCatalogue, useEditor } from "../../stores/context";

export type Completion = { label: string; detail: string };

/** Read when the list opens, so that typing does not depend on the document. */
export function useScope(nodeId: string, perItem: boolean): () => Completion[] {
  const { live } = useEditor();
  const types = useCatalogue();
  return () => scopeOf(nodeId, perItem, live.snapshot, types);
}

export function scopeOf(
  nodeId: string,
  perItem: boolean,
  flow: LiveSnapshot,
  types: NodeTypes,
): Completion[] {
  const found: Completion[] = perItem
    ? [
        { label: "item", detail: "any" },
        { label: "index", detail: "integer" },
      ]
    : [];
  for (const edge of flow.document.edges) {
    if (edge.target !== nodeId) continue;
    const type = outputPort(types.get(flow.nodesById.get(edge.source)?.type ?? ""), edge.source_port)?.type;
    found.push({ label: `inputs.${edge.target_port}`, detail: type ?? "any" });
  }
  for (const id of upstream(nodeId, flow.document)) {
    const spec = types.get(flow.nodesById.get(id)?.type ?? "");
    for (const port of spec?.outputs ?? []) found.push({ label: `${id}.${port.name}`, detail: port.type });
  }
  for (const name of Object.keys(flow.document.variables))
    found.push({ label: `vars.${name}`, detail: "any" });
  for (const input of flow.document.inputs)
    found.push({ label: `flow.inputs.${input.name}`, detail: input.type });
  found.push(
    { label: "flow.name", detail: "string" },
    { label: "run.id", detail: "string" },
    { label: "run.started_at", detail: "string" },
  );
  return found;
}

function upstream(nodeId: string, document: FlowDocument): string[] {
  const seen = new Set<string>();
  const stack = [nodeId];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const edge of document.edges) {
      if (edge.target !== at || seen.has(edge.source)) continue;
      seen.add(edge.source);
      stack.push(edge.source);
    }
  }
  return [...seen];
}
