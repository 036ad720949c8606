/** The feed: stretches of work, versions and runs in one order, newest first. */
import type { Activity } from "@/lib/api";
import type { RunSummary } from "../../api/types";

export type Entry =
  | { kind: "activity"; at: string; activity: Activity }
  | { kind: "run"; at: string; run: RunSummary };

/** Runs older than the last loaded activity wait for the page they belong to. */
export function entriesOf(
  activities: readonly Activity[],
  runs: readonly RunSummary[],
  isWhole: boolean,
): Entry[] {
  const oldest = isWhole ? "" : (activities[activities.length - 1]?.ended_at ?? "");
  const all: Entry[] = [
    ...activities.map((activity) => ({ kind: "activity" as const, at: activity.ended_at, activity })),
    ...runs
      .filter((run) => run.created_at >= oldest)
      .map((run) => ({ kind: "run" as const, at: run.created_at, run })),
  ];
  return all.sort((a, b) => b.at.localeCompare(a.at));
}
