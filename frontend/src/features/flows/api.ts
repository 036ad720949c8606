import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Flow, http, type Page, workspacePath } from "@/lib/api";

export const flowsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows"],
    queryFn: async ({ signal }) => {
      const flows: Flow[] = [];
      let cursor: string | null = null;
      do {
        const page: Page<Flow> = await http.get(
          workspacePath(workspaceId, "/flows"),
          { limit: 200, cursor },
          signal,
        );
        flows.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor !== null && flows.length < 1000);
      return flows;
    },
  });

export const flowQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId],
    queryFn: ({ signal }) => http.get<Flow>(workspacePath(workspaceId, `/flows/${flowId}`), {}, signal),
  });

function useFlowsChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "flows"] }),
  });
}

export const useFlowCreate = (workspaceId: string) =>
  useFlowsChange(workspaceId, (flow: { name: string; description: string }) =>
    http.post<Flow>(workspacePath(workspaceId, "/flows"), flow),
  );

export const useFlowRename = (workspaceId: string) =>
  useFlowsChange(workspaceId, ({ id, ...change }: { id: string; name: string; description: string }) =>
    http.patch<Flow>(workspacePath(workspaceId, `/flows/${id}`), change),
  );

export const useFlowDelete = (workspaceId: string) =>
  useFlowsChange(workspaceId, (id: string) => http.delete(workspacePath(workspaceId, `/flows/${id}`)));
