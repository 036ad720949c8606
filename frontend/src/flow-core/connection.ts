/** How the connection to a flow's room stands, in terms a person can be told. */
import type { HeldReason } from "./pending-store";

export type FinalReason =
  | "signed_out"
  | "forbidden"
  | "not_found"
  | "stale_epoch"
  | "too_large"
  | "quarantined"
  | "refused";

/** `retryAt`: when the next attempt begins; null while one is under way. */
export type Connection =
  | { state: "connecting" }
  | { state: "saved" }
  | { state: "saving"; changes: number }
  | { state: "offline"; changes: number; retryAt: number | null }
  | { state: "closed"; reason: FinalReason; changes: number };

const FINAL: Record<number, FinalReason> = {
  4401: "signed_out",
  4403: "forbidden",
  4404: "not_found",
  4409: "stale_epoch",
  4413: "too_large",
  4423: "quarantined",
};

/** What a close code means for good; null when coming back may help (y-websocket's ranges). */
export function finalReason(code: number): FinalReason | null {
  return code >= 4400 && code < 4500 ? (FINAL[code] ?? "refused") : null;
}

/** Ends that say: what was just sent will never be taken. */
export const HELD: Partial<Record<FinalReason, HeldReason>> = {
  too_large: "too_large",
  refused: "refused",
  forbidden: "role",
};

export type Standing = {
  final: FinalReason | null;
  isLive: boolean;
  wasLive: boolean;
  attempts: number;
  retryAt: number | null;
  changes: number;
};

export function describe({ final, isLive, wasLive, attempts, retryAt, changes }: Standing): Connection {
  if (final) return { state: "closed", reason: final, changes };
  if (isLive) return changes > 0 ? { state: "saving", changes } : { state: "saved" };
  if (wasLive || attempts > 1) return { state: "offline", changes, retryAt };
  return { state: "connecting" };
}

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;

/** Doubling with full jitter, so that a restarted server is not met by everyone at once. */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt) * (0.5 + random() / 2);
}
