import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  api,
  type Diagnosis,
  type FlowDefinition,
  http,
  inWorkspace,
  type Json,
  type NodeRun,
  type NodeRunDetail,
  type NodeState,
  type Page,
  type Run,
  type RunDetail,
  type RunEvent,
  type RunState,
  read,
  workspacePath,
} from "@/lib/api";
import type { RunFilters } from "./filters";

const activeStates: readonly RunState[] = ["ready", "running", "paused"];
export const isActive = (state: RunState): boolean => activeStates.includes(state);

/** Lists look again often while something runs, seldom otherwise. */
const lively_ms = 2000;
const calm_ms = 8000;

export const runsQuery = (workspaceId: string, filters: RunFilters) =>
  infiniteQueryOptions({
    queryKey: ["workspace", workspaceId, "runs", "list", filters],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        limit: 50,
        ...(filters.flow ? { flow_id: filters.flow } : {}),
        ...(filters.state ? { state: filters.state } : {}),
        ...(pageParam ? { cursor: pageParam } : {}),
      };
      const params = { path: inWorkspace(workspaceId), query };
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/runs", { params, signal }))) as Page<Run>;
    },
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
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId), query: { limit: 200 } };
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/flows", { params, signal }))).items;
    },
    staleTime: 30_000,
  });

const runKey = (workspaceId: string, runId: string) => ["workspace", workspaceId, "runs", runId] as const;
const ofRun = (workspaceId: string, runId: string) => ({ ...inWorkspace(workspaceId), run_id: runId });

export const runQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: runKey(workspaceId, runId),
    queryFn: async ({ signal }) => {
      const params = { path: ofRun(workspaceId, runId) };
      return (await read(
        api.GET("/api/v1/workspaces/{workspace_id}/runs/{run_id}", { params, signal }),
      )) as RunDetail;
    },
    refetchInterval: ({ state }) => (state.data && !isActive(state.data.state) ? false : 1000),
  });

const nodeEnds = new Set<NodeState>(["completed", "failed", "skipped", "cancelled"]);

/** One level of a run: its top, the inside of one iteration, or the iterations of a container on it. */
export type Level = { path: string; container?: string };
export const topLevel: Level = { path: "" };
export type LevelNodes = {
  items: NodeRun[];
  /** Container → state → how many of its iterations are in it. */
  iterations: Record<string, Partial<Record<NodeState, number>>>;
  /** There are more rows than a page can show. */
  isCut: boolean;
};

const nodesAtOnce = 200;
const nodesKept = 2000;

async function levelPage(
  workspaceId: string,
  runId: string,
  level: Level,
  cursor: string | null,
  signal: AbortSignal,
) {
  const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/nodes";
  const query = { ...level, limit: nodesAtOnce, ...(cursor ? { cursor } : {}) };
  return read(api.GET(path, { params: { path: ofRun(workspaceId, runId), query }, signal }));
}

export const runNodesQuery = (workspaceId: string, runId: string, active: boolean, level: Level) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "nodes", level.path, level.container ?? ""],
    queryFn: async ({ signal }): Promise<LevelNodes> => {
      const nodes: LevelNodes = { items: [], iterations: {}, isCut: false };
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof levelPage>> = await levelPage(
          workspaceId,
          runId,
          level,
          cursor,
          signal,
        );
        nodes.items.push(...(page.items as NodeRun[]));
        nodes.iterations = page.iterations;
        cursor = page.next_cursor;
      } while (cursor !== null && nodes.items.length < nodesKept);
      nodes.isCut = cursor !== null;
      return nodes;
    },
    // The last look may have come before the last node: go on until every node has ended.
    refetchInterval: ({ state }) =>
      active || state.data?.items.some((node) => !nodeEnds.has(node.state)) ? 1000 : false,
  });

export const runNodeQuery = (workspaceId: string, runId: string, nodeRunId: string, state: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "node", nodeRunId, state],
    queryFn: async ({ signal }) => {
      const params = { path: { ...ofRun(workspaceId, runId), node_run_id: nodeRunId } };
      const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/nodes/{node_run_id}";
      return (await read(api.GET(path, { params, signal }))) as NodeRunDetail;
    },
  });

export const runDefinitionQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "definition"],
    queryFn: async ({ signal }) => {
      const params = { path: ofRun(workspaceId, runId) };
      const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/definition";
      return (await read(api.GET(path, { params, signal }))) as unknown as FlowDefinition;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

const eventsAtOnce = 200;
const eventsKept = 5000;

async function eventsAfter(workspaceId: string, runId: string, after: number, signal: AbortSignal) {
  const params = { path: ofRun(workspaceId, runId), query: { after, limit: eventsAtOnce } };
  const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/events";
  return (await read(api.GET(path, { params, signal }))).items as RunEvent[];
}

const finals = new Set(["run_completed", "run_failed", "run_cancelled"]);

/** The log is complete when it says so itself. */
function isComplete(events: RunEvent[] | undefined): boolean {
  if (events === undefined) return false;
  return events.length >= eventsKept || events.slice(-3).some(({ type }) => finals.has(type));
}

/** Events only grow: each look asks for what came after the last one already here. */
export const runEventsQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "events"],
    queryFn: async ({ signal, client, queryKey }) => {
      const known = client.getQueryData<RunEvent[]>(queryKey) ?? [];
      const events = [...known];
      let more = true;
      while (more && events.length < eventsKept) {
        const next = await eventsAfter(workspaceId, runId, events.at(-1)?.seq ?? 0, signal);
        events.push(...next);
        more = next.length === eventsAtOnce;
      }
      return events.length === known.length ? known : events;
    },
    refetchInterval: ({ state }) => (isComplete(state.data) ? false : 1000),
  });

export const diagnosesQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...runKey(workspaceId, runId), "diagnoses"],
    queryFn: async ({ signal }) => {
      const params = { path: ofRun(workspaceId, runId) };
      const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/diagnoses";
      return (await read(api.GET(path, { params, signal }))).items as Diagnosis[];
    },
    // The diagnosis is made after the failure by a worker; look until it is there, but not for ever.
    refetchInterval: ({ state }) =>
      (state.data?.length ?? 0) > 0 || state.dataUpdateCount > 10 ? false : 1500,
  });

type RunCommand = "cancel" | "retry" | "pause" | "resume" | "redrive";

export function useRunCommand(workspaceId: string, runId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (asked: RunCommand | { command: "resume"; budget: number }) =>
      http.post<Run>(
        workspacePath(workspaceId, `/runs/${runId}/commands`),
        typeof asked === "string" ? { command: asked } : asked,
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "runs"] }),
  });
}

/** An accepted proposal changes the draft through the same door as every other change. */
export function usePatchApply(workspaceId: string, flowId: string) {
  return useMutation({
    mutationFn: (patch: Json) =>
      read(
        api.POST("/api/v1/workspaces/{workspace_id}/flows/{flow_id}/patches", {
          params: { path: { ...inWorkspace(workspaceId), flow_id: flowId } },
          body: patch as { [key: string]: Json },
        }),
      ),
  });
}

export const runLogUrl = (workspaceId: string, runId: string): string =>
  workspacePath(workspaceId, `/runs/${runId}/log`);

export const blobUrl = (workspaceId: string, blob: string): string =>
  workspacePath(workspaceId, `/blobs/${blob.replace(/^sha256:/, "")}`);
