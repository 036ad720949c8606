/** What the editor asks the server to do. */
import type { Json } from "@/flow-core";
import { http, workspacePath } from "@/lib/api";
import type { PatchOperation, RunSummary } from "./types";

/** Starts a run of the flow as it stands; the key makes a repeated click the same run. */
export function runStart(
  workspaceId: string,
  flowId: string,
  inputs: Record<string, Json>,
  key: string,
  isDebugged = false,
): Promise<RunSummary> {
  return http.post<RunSummary>(
    workspacePath(workspaceId, "/runs"),
    { flow_id: flowId, inputs, ...(isDebugged ? { debug: {} } : {}) },
    { "Idempotency-Key": key },
  );
}

export function runCommand(
  workspaceId: string,
  runId: string,
  command: "cancel" | "retry" | "pause" | "resume" | "redrive",
): Promise<RunSummary> {
  return http.post(workspacePath(workspaceId, `/runs/${runId}/commands`), { command });
}

/** Starts a run that takes over what a failed one has recorded, up to where it failed. */
export function runRedrive(
  workspaceId: string,
  runId: string,
  version: "same" | "current",
): Promise<RunSummary> {
  return http.post(workspacePath(workspaceId, `/runs/${runId}/commands`), { command: "redrive", version });
}

export function flowPatch(
  workspaceId: string,
  flowId: string,
  operations: PatchOperation[],
  summary: string,
): Promise<unknown> {
  const patch = { schema: "sage-studio/patch@1", base: null, summary, operations };
  return http.post(workspacePath(workspaceId, `/flows/${flowId}/patches`), patch);
}

/** Brings back a document that was set aside because it could not be opened. */
export function documentRecover(workspaceId: string, flowId: string): Promise<unknown> {
  return http.post(workspacePath(workspaceId, `/flows/${flowId}/document/recovery`), {});
}
