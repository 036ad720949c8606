import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  type Diagnosis,
  type Flow,
  type FlowDefinition,
  http,
  type Json,
  type NodeRun,
  type NodeRunDetail,
  type Page,
  type Run,
  type RunDetail,
  type RunEvent,
  type RunState,
  workspacePath,
} from "@/lib/api";

const activeStates: readonly RunState[] = ["ready", "running", "paused"];
export const isActive = (state: RunState): boolean => activeStates.includes(state);

export type RunFilters = { flow?: string | undefined; state?: string | undefined };

/** Lists look again often while something runs, seldom otherwise. */
const lively_ms = 2000;
const calm_ms = 8000;

export const runsQuery = (workspaceId: string, filters: RunFilters) =>
  infiniteQueryOptions({
    queryKey: ["workspace", workspaceId, "runs", "list", filters],
    queryFn: ({ pageParam, signal }) =>
      http.get<Page<Run>>(
        workspacePath(workspaceId, "/runs"),
        { flow_id: filters.flow, state: filters.state, cursor: pageParam, limit: 50 },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some((run) => isActive(run.state)))
        ? lively_ms
        : calm_ms,
  });

export const flowNamesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flow-names"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<Flow>>(workspacePath(workspaceId, "/flows"), { limit: 200 }, signal)).items,
    staleTime: 30_000,
  });

const runKey = (workspaceId: string, runId: string) => ["workspace", workspaceId, "runs", runId] as const;

export const runQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: runKey(workspaceId, runId),
    queryFn: ({ signal }) => http.get<RunDetail>(workspacePath(workspaceId, `/runs/${runId}`), {}, signal),
    refetchInterval: ({ state }) => (state.data && !isActive(state.data.state) ? false : 1000),
  });

export const runNodesQuery = (workspaceId: string, runId: string, active: boolean) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "nodes"],
    queryFn: async ({ signal }) =>
      (await http.get<{ items: NodeRun[] }>(workspacePath(workspaceId, `/runs/${runId}/nodes`), {}, signal))
        .items,
    refetchInterval: active ? 1000 : false,
  });

export const runNodeQuery = (workspaceId: string, runId: string, nodeRunId: string, state: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "nodes", nodeRunId, state],
    queryFn: ({ signal }) =>
      http.get<NodeRunDetail>(workspacePath(workspaceId, `/runs/${runId}/nodes/${nodeRunId}`), {}, signal),
  });

export const runDefinitionQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "definition"],
    queryFn: ({ signal }) =>
      http.get<FlowDefinition>(workspacePath(workspaceId, `/runs/${runId}/definition`), {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });

const eventsAtOnce = 200;
const eventsKept = 5000;

/** Events only grow: each look asks for what came after the last one already here. */
export const runEventsQuery = (workspaceId: string, runId: string, active: boolean) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "events"],
    queryFn: async ({ signal, client, queryKey }) => {
      const known = client.getQueryData<RunEvent[]>(queryKey) ?? [];
      const events = [...known];
      let more = true;
      while (more && events.length < eventsKept) {
        const page: { items: RunEvent[] } = await http.get(
          workspacePath(workspaceId, `/runs/${runId}/events`),
          { after: events.at(-1)?.seq ?? 0, limit: eventsAtOnce },
          signal,
        );
        events.push(...page.items);
        more = page.items.length === eventsAtOnce;
      }
      return events.length === known.length ? known : events;
    },
    refetchInterval: active ? 1000 : false,
  });

export const diagnosesQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "diagnoses"],
    queryFn: async ({ signal }) =>
      (
        await http.get<{ items: Diagnosis[] }>(
          workspacePath(workspaceId, `/runs/${runId}/diagnoses`),
          {},
          signal,
        )
      ).items,
    // The diagnosis is made after the failure by a worker; look until it is there, but not for ever.
    refetchInterval: ({ state }) =>
      (state.data?.length ?? 0) > 0 || state.dataUpdateCount > 10 ? false : 1500,
  });

export function useRunCommand(workspaceId: string, runId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (command: "cancel" | "retry") =>
      http.post<Run>(workspacePath(workspaceId, `/runs/${runId}/commands`), { command }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "runs"] }),
  });
}

export const runLogUrl = (workspaceId: string, runId: string): string =>
  workspacePath(workspaceId, `/runs/${runId}/log`);

export const blobUrl = (workspaceId: string, blob: string): string =>
  workspacePath(workspaceId, `/blobs/${blob.replace(/^sha256:/, "")}`);

/** An accepted proposal changes the draft through the same door as every other change. */
export function usePatchApply(workspaceId: string, flowId: string) {
  return useMutation({
    mutationFn: (patch: Json) =>
      http.post<unknown>(workspacePath(workspaceId, `/flows/${flowId}/patches`), patch),
  });
}
