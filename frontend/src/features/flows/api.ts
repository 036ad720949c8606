import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Flow, inWorkspace, read } from "@/lib/api";

/** Enough to search in on the page; beyond that the list is cut, newest first. */
const flowsAtMost = 1000;

export const flowsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows"],
    queryFn: async ({ signal }) => {
      const flows: Flow[] = [];
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = {
          limit: 200,
          ...(cursor === null ? {} : { cursor }),
        };
        const params = { path: inWorkspace(workspaceId), query };
        const page: { items: unknown[]; next_cursor: string | null } = await read(
          api.GET("/api/v1/workspaces/{workspace_id}/flows", { params, signal }),
        );
        flows.push(...(page.items as Flow[]));
        cursor = page.next_cursor;
      } while (cursor !== null && flows.length < flowsAtMost);
      return flows;
    },
  });

export type FlowPeople = ReadonlyMap<string, readonly Person[]>;
type Person = { id: string; name: string; color: number };

/** Flow id → who has it open; flows nobody is in are left out. */
export const presenceQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "presence"],
    queryFn: async ({ signal }): Promise<FlowPeople> => {
      const params = { path: inWorkspace(workspaceId) };
      const { items } = await read(api.GET("/api/v1/workspaces/{workspace_id}/presence", { params, signal }));
      return new Map(items.map(({ flow_id, people }) => [flow_id, people]));
    },
    refetchInterval: 5_000,
  });

function useFlowsChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "flows"] }),
  });
}

const one = (workspaceId: string, id: string) => ({ path: { ...inWorkspace(workspaceId), flow_id: id } });

export const useFlowCreate = (workspaceId: string) =>
  useFlowsChange(workspaceId, (flow: { name: string; description: string }) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/flows", {
        params: { path: inWorkspace(workspaceId) },
        body: flow,
      }),
    ),
  );

export const useFlowRename = (workspaceId: string) =>
  useFlowsChange(workspaceId, ({ id, ...change }: { id: string; name: string; description: string }) =>
    read(
      api.PATCH("/api/v1/workspaces/{workspace_id}/flows/{flow_id}", {
        params: one(workspaceId, id),
        body: change,
      }),
    ),
  );

export const useFlowDelete = (workspaceId: string) =>
  useFlowsChange(workspaceId, (id: string) =>
    read(api.DELETE("/api/v1/workspaces/{workspace_id}/flows/{flow_id}", { params: one(workspaceId, id) })),
  );
