/** What the address of the run list may ask for. */
import type { RunState } from "@/lib/api";

export const runStates: readonly RunState[] = [
  "ready",
  "running",
  "paused",
  "completed",
  "failed",
  "cancelled",
];

export function isRunState(value: unknown): value is RunState {
  return runStates.some((state) => state === value);
}

export type RunFilters = { flow?: string | undefined; state?: RunState | undefined };
