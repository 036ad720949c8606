/** Values of the shown run at a path of an expression, for completion; fetched when somebody asks. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { isObject, type Json } from "@/flow-core";
import type { OutputOf } from "../../api/expressions";
import { nodeRunQuery, runNodesQuery } from "../../api/queries";
import { useEditor, useRuns } from "../../stores/context";
import { shownRun } from "../../stores/run-store";
import { valueAtPath } from "./expression-completion";
import { sourcesOf } from "./use-sources";

type Place = { cache: QueryClient; workspaceId: string; runId: string };

export function useRunValues(
  nodeId: string,
  perItem: boolean,
): (path: readonly string[]) => Promise<Json | undefined> {
  const { live, workspaceId } = useEditor();
  const cache = useQueryClient();
  const runId = useRuns((state) => shownRun(state)?.id ?? null);
  return async ([root = "", ...rest]) => {
    if (runId === null) return undefined;
    const place = { cache, workspaceId, runId };
    const { inputs, item } = sourcesOf(nodeId, perItem, live.snapshot);
    if (root === "item" && item) {
      const items = await portOf(place, item);
      return valueAtPath(Array.isArray(items) ? items[0] : items, rest);
    }
    if (root === "inputs") {
      const [port = "", ...below] = rest;
      const source = inputs[port];
      return source ? valueAtPath(await portOf(place, source), below) : undefined;
    }
    if (!live.snapshot.nodesById.has(root)) return undefined;
    return valueAtPath(await outputsOf(place, root), rest);
  };
}

async function portOf(place: Place, { node_id, port }: OutputOf): Promise<Json | undefined> {
  return valueAtPath(await outputsOf(place, node_id), [port]);
}

async function outputsOf({ cache, workspaceId, runId }: Place, nodeId: string): Promise<Json | undefined> {
  try {
    const rows = await cache.fetchQuery({ ...runNodesQuery(workspaceId, runId), staleTime: 10_000 });
    const row = rows.filter((one) => one.node_id === nodeId && !one.iteration_path).at(-1);
    if (!row) return undefined;
    const outputs = (await cache.fetchQuery(nodeRunQuery(workspaceId, runId, row.id))).outputs;
    return isObject(outputs) ? outputs : undefined;
  } catch {
    return undefined; // completion goes without
  }
}
