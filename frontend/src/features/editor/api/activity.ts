/** What happened to a flow, newest first. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import { type ActivityPage, http, workspacePath } from "@/lib/api";

export const activityKey = (workspaceId: string, flowId: string) =>
  ["flow", workspaceId, flowId, "activity"] as const;

export const activityQuery = (workspaceId: string, flowId: string) =>
  infiniteQueryOptions({
    queryKey: activityKey(workspaceId, flowId),
    queryFn: ({ pageParam, signal }) =>
      http.get<ActivityPage>(
        workspacePath(workspaceId, `/flows/${flowId}/activity`),
        { limit: 30, cursor: pageParam },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
