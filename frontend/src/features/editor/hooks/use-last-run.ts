/** Shows the last run on the canvas when a flow opens, and keeps caches fresh as runs go on. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { flowRunsQuery, runNodesQuery } from "../api/queries";
import { useEditor } from "../stores/context";
import { isFinal, noteRun } from "../stores/run-store";

/** After these a node has new data to show. */
const SETTLING = new Set(["node_completed", "node_failed"]);

export function useLastRun(): void {
  const { workspaceId, flowId, runs, runSocket, onRunEvents } = useEditor();
  const cache = useQueryClient();
  const list = useQuery(flowRunsQuery(workspaceId, flowId)).data;
  const last = list?.[0];
  // A run first heard of through its events gets its number and its author from the list.
  useEffect(() => {
    for (const run of list ?? []) if (runs.getState().runs.has(run.id)) noteRun(runs, run, false);
  }, [list, runs]);
  useEffect(() => {
    if (!last || runs.getState().shown !== null) return;
    noteRun(runs, last, true);
    if (!isFinal(last.state)) runSocket.follow(last.id);
  }, [last, runs, runSocket]);
  useEffect(
    () =>
      onRunEvents((events) => {
        const settled = new Set(
          events.filter((event) => SETTLING.has(event.type)).map((event) => event.run_id),
        );
        for (const runId of settled) {
          void cache.invalidateQueries({ queryKey: runNodesQuery(workspaceId, runId).queryKey });
        }
        if (events.some((event) => event.type.startsWith("run_"))) {
          void cache.invalidateQueries({ queryKey: flowRunsQuery(workspaceId, flowId).queryKey });
        }
      }),
    [onRunEvents, cache, workspaceId, flowId],
  );
}
