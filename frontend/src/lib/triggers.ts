/** What may start flows: read by the page of triggers and by the inspector. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { http, workspacePath } from "./api";

export type TriggerInfo = {
  id: string;
  flow_id: string;
  flow_name: string;
  node_id: string;
  kind: string;
  name: string;
  state: "live" | "paused" | "draft";
  version: number | null;
  address: string;
  test_address: string;
  next_at: string | null;
  next_times: string[];
  schedule_error: string;
  newest_run: { id: string; number: number; state: string; created_at: string } | null;
  refusals: number;
  last_error: string;
  last_error_at: string | null;
  listening_until: string | null;
};

const LOOK_EVERY_MS = 10_000;

export const triggersQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "triggers"],
    queryFn: async ({ signal }) =>
      (await http.get<{ items: TriggerInfo[] }>(workspacePath(workspaceId, "/triggers"), {}, signal)).items,
    refetchInterval: LOOK_EVERY_MS,
  });

/** Also those that are only drawn so far; `stamp` changes when what they are set to does. */
export const flowTriggersQuery = (workspaceId: string, flowId: string, stamp: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "triggers", flowId, stamp],
    queryFn: async ({ signal }) => {
      const path = workspacePath(workspaceId, `/flows/${flowId}/triggers`);
      return (await http.get<{ items: TriggerInfo[] }>(path, {}, signal)).items;
    },
    refetchInterval: LOOK_EVERY_MS,
  });

export function useTriggerPause(workspaceId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, isPaused }: { id: string; isPaused: boolean }) =>
      http.patch<void>(workspacePath(workspaceId, `/triggers/${id}`), { is_paused: isPaused }),
    onSettled: () => client.invalidateQueries({ queryKey: ["workspace", workspaceId, "triggers"] }),
  });
}

export function useTriggerListen(workspaceId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      http.post<{ listening_until: string }>(workspacePath(workspaceId, `/triggers/${id}/listen`)),
    onSettled: () => client.invalidateQueries({ queryKey: ["workspace", workspaceId, "triggers"] }),
  });
}
