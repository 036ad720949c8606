/** The editor's reads from the server and the cache keys beside them. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { NodeSpec } from "@/flow-core";
import { http, type Page, workspacePath } from "@/lib/api";
import { filesKey } from "@/lib/files";
import { allPages } from "./pages";
import type {
  Diagnosis,
  FileItem,
  NodeRunDetail,
  NodeRunRow,
  OptimisationReport,
  RunEvent,
  RunSummary,
  ServerIssue,
} from "./types";

export const nodeTypesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["node-types", workspaceId],
    queryFn: async ({ signal }) => {
      const { items } = await http.get<{ items: Partial<NodeSpec>[] }>(
        workspacePath(workspaceId, "/node-types"),
        { limit: 200 },
        signal,
      );
      return items.map(completeSpec);
    },
    staleTime: 5 * 60_000,
  });

/** A type in an older version that is still installed; the list has the newest only. */
export const nodeTypeVersionQuery = (workspaceId: string, type: string, version: string) =>
  queryOptions({
    queryKey: ["node-types", workspaceId, type, version],
    queryFn: async ({ signal }) =>
      completeSpec(
        await http.get<Partial<NodeSpec>>(
          workspacePath(workspaceId, `/node-types/${type}/versions/${encodeURIComponent(version)}`),
          {},
          signal,
        ),
      ),
    staleTime: 5 * 60_000,
  });

/** Empty lists may be left out of the catalogue's answer. */
function completeSpec(spec: Partial<NodeSpec>): NodeSpec {
  const full = spec as NodeSpec;
  const inputs = full.inputs ?? [];
  return {
    ...full,
    inputs,
    outputs: full.outputs ?? [],
    config: full.config ?? [],
    input_ports: full.input_ports ?? inputs,
  };
}

/** `size` stands for what was drawn since: a flow with other nodes is looked at again. */
export const optimisationQuery = (workspaceId: string, flowId: string, size: number) =>
  queryOptions({
    queryKey: ["flow", workspaceId, flowId, "optimisation", size],
    queryFn: ({ signal }) =>
      http.get<OptimisationReport>(workspacePath(workspaceId, `/flows/${flowId}/optimisation`), {}, signal),
    placeholderData: keepPreviousData,
    staleTime: 2_000,
  });

export const flowNamesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flow-names"],
    queryFn: async ({ signal }) =>
      (
        await http.get<Page<{ id: string; name: string }>>(
          workspacePath(workspaceId, "/flows"),
          { limit: 200 },
          signal,
        )
      ).items,
    staleTime: 30_000,
  });

export const flowQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["flow", workspaceId, flowId],
    queryFn: ({ signal }) =>
      http.get<{ id: string; name: string }>(workspacePath(workspaceId, `/flows/${flowId}`), {}, signal),
  });

export const problemsQuery = (workspaceId: string, flowId: string, seq: number) =>
  queryOptions({
    queryKey: ["flow-problems", workspaceId, flowId, seq],
    queryFn: async ({ signal }) =>
      (
        await http.get<{ items: ServerIssue[] }>(
          workspacePath(workspaceId, `/flows/${flowId}/problems`),
          {},
          signal,
        )
      ).items,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });

export const flowRunsQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["runs", workspaceId, "of-flow", flowId],
    queryFn: async ({ signal }) =>
      (
        await http.get<Page<RunSummary>>(
          workspacePath(workspaceId, "/runs"),
          { flow_id: flowId, limit: 20 },
          signal,
        )
      ).items,
  });

export const runNodesQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: ["run-nodes", workspaceId, runId],
    queryFn: ({ signal }) => allPages<NodeRunRow>(workspacePath(workspaceId, `/runs/${runId}/nodes`), signal),
  });

export const runEventsQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: ["run-events", workspaceId, runId],
    queryFn: async ({ signal }) => {
      const events: RunEvent[] = [];
      for (let after = 0; ; ) {
        const page = await http.get<Page<RunEvent>>(
          workspacePath(workspaceId, `/runs/${runId}/events`),
          { after, limit: 200 },
          signal,
        );
        events.push(...page.items);
        const last = page.items.at(-1)?.seq ?? after;
        if (page.items.length < 200 || last === after) return events;
        after = last;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
  });

export const nodeRunQuery = (workspaceId: string, runId: string, nodeRunId: string) =>
  queryOptions({
    queryKey: ["node-run", workspaceId, runId, nodeRunId],
    queryFn: ({ signal }) =>
      http.get<NodeRunDetail>(workspacePath(workspaceId, `/runs/${runId}/nodes/${nodeRunId}`), {}, signal),
    staleTime: 60_000,
  });

export const diagnosesQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: ["run-diagnoses", workspaceId, runId],
    queryFn: async ({ signal }) =>
      (
        await http.get<{ items: Diagnosis[] }>(
          workspacePath(workspaceId, `/runs/${runId}/diagnoses`),
          {},
          signal,
        )
      ).items,
  });

export const credentialsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["credentials", workspaceId],
    queryFn: async ({ signal }) =>
      (
        await http.get<Page<{ id: string; name: string; kind: string }>>(
          workspacePath(workspaceId, "/credentials"),
          { limit: 200 },
          signal,
        )
      ).items,
  });

/** Variables of the workspace, for completion; viewers have none to see. */
export const variablesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["variables", workspaceId],
    retry: false,
    retryOnMount: false,
    staleTime: 60_000,
    queryFn: async ({ signal }) =>
      (
        await http.get<Page<{ name: string; is_secret: boolean }>>(
          workspacePath(workspaceId, "/variables"),
          { limit: 200 },
          signal,
        )
      ).items,
  });

export const filesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: [...filesKey(workspaceId), "choices"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<FileItem>>(workspacePath(workspaceId, "/files"), { limit: 200 }, signal)).items,
  });

export const workspaceNameQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspaces"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<{ id: string; name: string }>>("/api/v1/workspaces", { limit: 200 }, signal))
        .items,
    select: (items: { id: string; name: string }[]) =>
      items.find((workspace) => workspace.id === workspaceId)?.name ?? "",
  });
