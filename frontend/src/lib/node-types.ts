/** The node types of a workspace, for names, icons and categories outside the editor. */
import { queryOptions, useQuery } from "@tanstack/react-query";
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
    // Somebody may install a plug-in at any time; the list is fetched again only when it has changed.
    staleTime: 30_000,
    enabled: workspaceId !== "",
  });

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
