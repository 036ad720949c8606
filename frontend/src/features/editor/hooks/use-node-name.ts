import type { FlowNode } from "@/flow-core";
import { useCatalogue, useFlow } from "../stores/context";
import { useLocalText } from "./use-local-text";

/** What people call a node: its own name, else that of its type; empty when it is gone. */
export function useNodeName(id: string | null): string {
  const node = useFlow((flow) => (id ? flow.nodesById.get(id) : undefined));
  const spec = useCatalogue().get(node?.type ?? "");
  const local = useLocalText();
  return node ? node.name || local(spec?.name) || node.type : "";
}

/** The same for any node, as a function. */
export function useNodeNames(): (node: FlowNode) => string {
  const types = useCatalogue();
  const local = useLocalText();
  return (node) => node.name || local(types.get(node.type)?.name) || node.type;
}
