import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Comparison, type Flow, http, type Version, type VersionPage, workspacePath } from "@/lib/api";

export type Against = "draft" | "parent" | `${number}`;

const flowPath = (workspaceId: string, flowId: string, rest = "") =>
  workspacePath(workspaceId, `/flows/${flowId}${rest}`);

export const flowQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId],
    queryFn: ({ signal }) => http.get<Flow>(flowPath(workspaceId, flowId), {}, signal),
  });

export const versionsQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", flowId, "versions"],
    queryFn: ({ signal }) =>
      http.get<VersionPage>(flowPath(workspaceId, flowId, "/versions"), { limit: 200 }, signal),
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
    queryFn: ({ signal }) =>
      http.get<Comparison>(flowPath(workspaceId, flowId, `/versions/${number}/diff`), { against }, signal),
    ...(against === "draft" ? { staleTime: 0, refetchInterval: 10_000 } : {}),
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
    http.post<Version>(flowPath(workspaceId, flowId, "/versions"), { message }),
  );

export const useRollback = (workspaceId: string, flowId: string) =>
  useVersionChange(workspaceId, flowId, (number: number) =>
    http.post<unknown>(flowPath(workspaceId, flowId, `/versions/${number}/rollback`)),
  );

export const usePublish = (workspaceId: string, flowId: string) =>
  useVersionChange(workspaceId, flowId, (version: number) =>
    http.post<unknown>(flowPath(workspaceId, flowId, "/publish"), { version }),
  );
