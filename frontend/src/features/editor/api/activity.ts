/** What happened to a flow, newest first. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
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

/** Who changed the flow after a position of its journal. */
export const awayAuthorsQuery = (
  workspaceId: string,
  flowId: string,
  from: { seq: number; epoch: number; since: number },
) =>
  queryOptions({
    queryKey: ["flow", workspaceId, flowId, "away", from.since] as const,
    queryFn: async ({ signal }) => {
      const page = await http.get<ActivityPage>(
        workspacePath(workspaceId, `/flows/${flowId}/activity`),
        { since_seq: from.seq, epoch: from.epoch },
        signal,
      );
      const meanwhile = page.items.filter((item) => Date.parse(item.ended_at) >= from.since);
      return [...new Set(meanwhile.flatMap((item) => item.person?.name ?? []))];
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
