import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Comparison, type FlowDefinition, inWorkspace, read } from "@/lib/api";

export type Against = "draft" | "parent" | `${number}`;

const ofFlow = (workspaceId: string, flowId: string) => ({ ...inWorkspace(workspaceId), flow_id: flowId });

export const flowQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId],
    queryFn: ({ signal }) => {
      const params = { path: ofFlow(workspaceId, flowId) };
      return read(api.GET("/api/v1/workspaces/{workspace_id}/flows/{flow_id}", { params, signal }));
    },
  });

export const versionsQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId, "versions"],
    queryFn: ({ signal }) => {
      const params = { path: ofFlow(workspaceId, flowId), query: { limit: 200 } };
      return read(api.GET("/api/v1/workspaces/{workspace_id}/flows/{flow_id}/versions", { params, signal }));
    },
    refetchInterval: 15_000,
  });

export const comparisonQuery = (
  workspaceId: string,
  flowId: string,
  number: number,
  against: Against,
  language: string,
) =>
  queryOptions({
    // The language is part of the key because the server writes the sentences.
    queryKey: ["workspace", workspaceId, "flows", flowId, "versions", number, against, language],
    queryFn: async ({ signal }) => {
      const params = { path: { ...ofFlow(workspaceId, flowId), number }, query: { against } };
      const path = "/api/v1/workspaces/{workspace_id}/flows/{flow_id}/versions/{number}/diff";
      return (await read(api.GET(path, { params, signal }))) as Comparison;
    },
    ...(against === "draft" ? { staleTime: 0, refetchInterval: 10_000 } : {}),
  });

/** The flow as a version or the draft has it; null is the empty beginning. */
export type Side = number | "draft" | null;

export const sideQuery = (workspaceId: string, flowId: string, side: Side) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId, "side", side],
    queryFn: async ({ signal }): Promise<FlowDefinition | null> => {
      const path = ofFlow(workspaceId, flowId);
      if (side === null) return null;
      if (side === "draft") {
        const draft = "/api/v1/workspaces/{workspace_id}/flows/{flow_id}/definition";
        return (await read(api.GET(draft, { params: { path }, signal }))) as unknown as FlowDefinition;
      }
      const version = "/api/v1/workspaces/{workspace_id}/flows/{flow_id}/versions/{number}";
      const params = { path: { ...path, number: side } };
      return (await read(api.GET(version, { params, signal }))).definition as FlowDefinition;
    },
    ...(side === "draft" ? { staleTime: 0 } : { staleTime: Number.POSITIVE_INFINITY }),
  });

function useVersionChange<Input, Output>(
  workspaceId: string,
  flowId: string,
  change: (input: Input) => Promise<Output>,
) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "flows", flowId] }),
  });
}

export const useCommit = (workspaceId: string, flowId: string) =>
  useVersionChange(workspaceId, flowId, (message: string) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/flows/{flow_id}/versions", {
        params: { path: ofFlow(workspaceId, flowId) },
        body: { message },
      }),
    ),
  );

export const useRollback = (workspaceId: string, flowId: string) =>
  useVersionChange(workspaceId, flowId, (number: number) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/flows/{flow_id}/versions/{number}/rollback", {
        params: { path: { ...ofFlow(workspaceId, flowId), number } },
      }),
    ),
  );

export const usePublish = (workspaceId: string, flowId: string) =>
  useVersionChange(workspaceId, flowId, (version: number) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/flows/{flow_id}/publish", {
        params: { path: ofFlow(workspaceId, flowId) },
        body: { version },
      }),
    ),
  );
