/** The type of a node in the node's own version: a flow that names an older one that is installed runs it. */
import { useQuery } from "@tanstack/react-query";
import type { FlowNode, NodeSpec } from "@/flow-core";
import { nodeTypeVersionQuery } from "../api/queries";
import { useCatalogue, useEditor } from "../stores/context";

/** The version a node names, when it is installed beside a newer one; else nothing. */
export function olderVersion(node: FlowNode, newest: NodeSpec | undefined): string | null {
  const { version } = node;
  if (!newest || version === undefined || version === newest.version) return null;
  return newest.versions?.includes(version) ? version : null;
}

/** Until its own version is here, the newest stands for it. */
export function useNodeSpec(node: FlowNode | undefined): NodeSpec | undefined {
  const newest = useCatalogue().get(node?.type ?? "");
  const { workspaceId } = useEditor();
  const older = node ? olderVersion(node, newest) : null;
  const own = useQuery({
    ...nodeTypeVersionQuery(workspaceId, node?.type ?? "", older ?? ""),
    enabled: older !== null,
  });
  return older === null ? newest : (own.data ?? newest);
}
