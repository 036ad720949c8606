/** The flow's breakpoints: one set for everybody who works on it; runs being debugged follow it. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { tellProblem } from "@/components/toast";
import { type Breakpoint, breakpointsGet, breakpointsSet } from "../api/debug";
import { useEditor } from "../stores/context";

const REFRESH_MS = 15_000;

const breakpointsQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["flow", workspaceId, flowId, "breakpoints"],
    queryFn: ({ signal }) => breakpointsGet(workspaceId, flowId, signal),
    refetchInterval: REFRESH_MS,
    staleTime: 2_000,
  });

export function useBreakpoints(): readonly Breakpoint[] {
  const { workspaceId, flowId } = useEditor();
  return useQuery(breakpointsQuery(workspaceId, flowId)).data ?? [];
}

/** The breakpoint before one node; a card renders again only when its own changes. */
export function useNodeBreakpoint(nodeId: string): Breakpoint | null {
  const { workspaceId, flowId } = useEditor();
  const query = useQuery({
    ...breakpointsQuery(workspaceId, flowId),
    // Cards read what the drawer keeps fresh: thousands of them must not each ask the server.
    enabled: false,
    select: (all) => all.find((point) => point.node_id === nodeId && point.on === "before") ?? null,
  });
  return query.data ?? null;
}

/** Changes the set; shown at once and taken back when the server refuses. */
export function useBreakpointChange() {
  const { workspaceId, flowId } = useEditor();
  const cache = useQueryClient();
  const { queryKey } = breakpointsQuery(workspaceId, flowId);
  const { mutate } = useMutation({
    mutationFn: async (change: (points: readonly Breakpoint[]) => Breakpoint[]) =>
      breakpointsSet(workspaceId, flowId, change(await breakpointsGet(workspaceId, flowId))),
    onMutate: (change) => {
      const before = cache.getQueryData<Breakpoint[]>(queryKey);
      cache.setQueryData(queryKey, change(before ?? []));
      return before;
    },
    onError: (problem, _, before) => {
      cache.setQueryData(queryKey, before);
      tellProblem(problem);
    },
    onSuccess: (points) => cache.setQueryData(queryKey, points),
  });
  const put = useCallback(
    (point: Breakpoint) => mutate((points) => [...points.filter((other) => !same(other, point)), point]),
    [mutate],
  );
  const remove = useCallback(
    (point: Breakpoint) => mutate((points) => points.filter((other) => !same(other, point))),
    [mutate],
  );
  return { put, remove };
}

export function newBreakpoint(nodeId: string): Breakpoint {
  return { node_id: nodeId, on: "before", condition: "", hit_count: 1, log: "", enabled: true };
}

function same(a: Breakpoint, b: Breakpoint): boolean {
  return a.node_id === b.node_id && a.on === b.on;
}
