/** The node types of a workspace, for names, icons and categories outside the editor. */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Category, inWorkspace, type NodeSpec, read } from "./api";

export const nodeTypesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "node-types"],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId) };
      const answer = await read(api.GET("/api/v1/workspaces/{workspace_id}/node-types", { params, signal }));
      return answer.items as NodeSpec[];
    },
    // Somebody may install a plug-in at any time. Asking costs little: it comes only when it has changed.
    staleTime: 3_000,
    refetchInterval: 5_000,
    enabled: workspaceId !== "",
  });

/** Reads what pages and the editor know of a workspace's node types and plug-ins anew. */
export const nodeTypesChanged = (queryClient: QueryClient, workspaceId: string) =>
  Promise.all(
    [
      ["node-types", workspaceId],
      ["workspace", workspaceId, "node-types"],
      ["workspace", workspaceId, "plugins"],
    ].map((queryKey) => queryClient.invalidateQueries({ queryKey })),
  );

export type NodeTypes = {
  spec: (type: string) => NodeSpec | null;
  /** Unknown types are drawn as utilities. */
  category: (type: string) => Category;
};

export function useNodeTypes(workspaceId: string): NodeTypes {
  const { data } = useQuery(nodeTypesQuery(workspaceId));
  return useMemo(() => {
    const byId = new Map((data ?? []).map((spec) => [spec.id, spec]));
    return {
      spec: (type) => byId.get(type) ?? null,
      category: (type) => byId.get(type)?.category ?? "utility",
    };
  }, [data]);
}
