/** Debug sessions as the server tells them, and what people tell the server. */
import type { Json } from "@/flow-core";
import { http, workspacePath } from "@/lib/api";
import type { RunError } from "./types";

export type Breakpoint = {
  node_id: string;
  on: "before" | "error";
  condition: string;
  hit_count: number;
  log: string;
  enabled: boolean;
};

export type StopReason = "breakpoint" | "error" | "run_to" | "entry" | "pause" | "step" | "waiting";

export type DebugStop = {
  id: string;
  node_id: string;
  iteration_path: string;
  attempt: number;
  phase: "before" | "error";
  reason: StopReason;
  note: string;
};

export type DebugState = {
  mode: "running" | "stepping" | "paused";
  current: string | null;
  stops: DebugStop[];
  stops_count: number;
  run_to: string | null;
  command?: { word: string; stop: string | null; by: { name?: string }; error: RunError | null };
};

/** What a standing node would get; the beginnings of big values. */
export type DebugHit = {
  stop: DebugStop;
  inputs: Record<string, Json>;
  config: Record<string, Json> | null;
  error?: RunError;
};

export type DebugCommand = {
  command: string;
  stop?: string | null;
  node_id?: string;
  inputs?: Record<string, Json>;
  config?: Record<string, Json>;
  outputs?: Record<string, Json>;
};

export function debugTell(workspaceId: string, runId: string, command: DebugCommand): Promise<unknown> {
  return http.post(workspacePath(workspaceId, `/runs/${runId}/debug`), command);
}

const breakpointsPath = (workspaceId: string, flowId: string): string =>
  workspacePath(workspaceId, `/flows/${flowId}/breakpoints`);

export async function breakpointsGet(
  workspaceId: string,
  flowId: string,
  signal?: AbortSignal,
): Promise<Breakpoint[]> {
  const path = breakpointsPath(workspaceId, flowId);
  return (await http.get<{ breakpoints: Breakpoint[] }>(path, {}, signal)).breakpoints;
}

export async function breakpointsSet(
  workspaceId: string,
  flowId: string,
  breakpoints: readonly Breakpoint[],
): Promise<Breakpoint[]> {
  const path = breakpointsPath(workspaceId, flowId);
  return (await http.put<{ breakpoints: Breakpoint[] }>(path, { breakpoints })).breakpoints;
}
