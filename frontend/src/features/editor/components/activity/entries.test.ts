import { expect, test } from "vitest";
import type { Activity } from "@/lib/api";
import type { RunSummary } from "../../api/types";
import { entriesOf } from "./entries";

const activity = (ended_at: string) => ({ id: ended_at, ended_at }) as Activity;
const run = (created_at: string) => ({ id: created_at, created_at }) as RunSummary;
const times = (activities: Activity[], runs: RunSummary[], isWhole: boolean) =>
  entriesOf(activities, runs, isWhole).map((entry) => `${entry.kind} ${entry.at}`);

test("runs stand between the activities of their time, newest first", () => {
  const found = times([activity("2026-03"), activity("2026-01")], [run("2026-02"), run("2025-12")], true);
  expect(found).toEqual(["activity 2026-03", "run 2026-02", "activity 2026-01", "run 2025-12"]);
});

test("a run older than what is loaded waits for its page", () => {
  expect(times([activity("2026-03")], [run("2026-02"), run("2026-04")], false)).toEqual([
    "run 2026-04",
    "activity 2026-03",
  ]);
});
