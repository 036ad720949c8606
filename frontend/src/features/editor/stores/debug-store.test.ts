import { expect, test } from "vitest";
import type { RunEvent } from "../api/types";
import { applyDebugEvents, createDebugStore } from "./debug-store";

const stop = (id: string, node: string) => ({ id, node_id: node, iteration_path: "", reason: "breakpoint" });
const event = (seq: number, type: string, data: unknown): RunEvent => ({
  type,
  run_id: "r1",
  seq,
  at: "2026-01-01T00:00:00Z",
  data: data as NonNullable<RunEvent["data"]>,
});
const hit = (seq: number, id: string, node: string) =>
  event(seq, "breakpoint_hit", { stop: stop(id, node), inputs: { value: seq }, config: null });
const state = (seq: number, current: string | null, ...stops: object[]) =>
  event(seq, "debug_state", {
    mode: current ? "paused" : "running",
    current,
    stops,
    stops_count: stops.length,
  });

test("whose command was the last stays known when nodes arrive", () => {
  const store = createDebugStore();
  const stepped = state(2, null);
  const command = { word: "step_over", stop: "s1", by: { name: "Olga" }, error: null };
  applyDebugEvents(store, [
    state(1, "s1", stop("s1", "a")),
    { ...stepped, data: { ...stepped.data, command } },
    state(3, "s2", stop("s2", "b")),
  ]);
  expect(store.getState().sessions.get("r1")?.state?.command?.by.name).toBe("Olga");
});

test("a stop is there with what its node would get, until the run has left it", () => {
  const store = createDebugStore();
  applyDebugEvents(store, [hit(1, "s1", "a"), state(2, "s1", stop("s1", "a"))]);
  const view = () => store.getState().sessions.get("r1");
  expect(view()?.state?.current).toBe("s1");
  expect(view()?.hits.get("s1")?.inputs).toEqual({ value: 1 });
  applyDebugEvents(store, [state(3, null)]);
  expect(view()?.hits.size).toBe(0);
});

test("events that come twice count once, and others change nothing", () => {
  const store = createDebugStore();
  applyDebugEvents(store, [state(5, "s1", stop("s1", "a"))]);
  const before = store.getState().sessions;
  applyDebugEvents(store, [state(4, null), event(6, "node_started", {})]);
  expect(store.getState().sessions).toBe(before);
});

test("a run that has ended stands nowhere", () => {
  const store = createDebugStore();
  applyDebugEvents(store, [state(1, "s1", stop("s1", "a")), event(2, "run_cancelled", {})]);
  expect(store.getState().sessions.get("r1")?.state).toBeNull();
});
