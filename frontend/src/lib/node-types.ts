/** The node types of a workspace, for names, icons and categories outside the editor. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Category, http, type NodeSpec, workspacePath } from "./api";

export const nodeTypesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "node-types"],
    queryFn: async ({ signal }) =>
      (await http.get<{ items: NodeSpec[] }>(workspacePath(workspaceId, "/node-types"), {}, signal)).items,
    staleTime: 5 * 60_000,
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
