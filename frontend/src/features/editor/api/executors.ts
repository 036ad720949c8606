/** Where nodes may run: the places there are, and those this installation has. */
import { queryOptions } from "@tanstack/react-query";
import type { NodeSpec } from "@/flow-core";
import { http, workspacePath } from "@/lib/api";

export const EXECUTORS = ["local", "process", "celery", "ray", "kubernetes"] as const;

/** `variable` is the setting an operator would have to give; empty for a place that is there. */
export type Place = { name: string; is_available: boolean; variable: string };

export const executorsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "executors"],
    queryFn: async ({ signal }) =>
      (await http.get<{ items: Place[] }>(workspacePath(workspaceId, "/executors"), {}, signal)).items,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** What steers the run stays with it. */
export function mayTravel(spec: NodeSpec): boolean {
  return !spec.trigger && spec.category !== "control" && !spec.body;
}
