import { useQuery } from "@tanstack/react-query";
import { runNodesQuery } from "../api/queries";

/** The row of a node in a run, for the panes that show its data. */
export function useNodeRunId(workspaceId: string, runId: string | null, nodeId: string, settled: boolean) {
  const query = useQuery({ ...runNodesQuery(workspaceId, runId ?? ""), enabled: runId !== null && settled });
  const rows = (query.data ?? []).filter((row) => row.node_id === nodeId && !row.iteration_path);
  const newest = rows.reduce<(typeof rows)[number] | null>(
    (best, row) => (!best || row.attempt > best.attempt ? row : best),
    null,
  );
  return { query, id: newest?.id ?? null, row: newest };
}
