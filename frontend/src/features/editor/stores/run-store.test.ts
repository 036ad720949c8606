import { expect, test } from "vitest";
import type { RunEvent } from "../api/types";
import { activeRun, applyEvents, createRunStore, nodeRun, noteRun, shownRun } from "./run-store";

let seq = 0;
const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const event = (type: string, more: Partial<RunEvent> = {}): RunEvent => ({
  type,
  run_id: "r1",
  seq: ++seq,
  at: at(seq * 1000),
  ...more,
});
const node = (type: string, id: string, data: RunEvent["data"] = {}) =>
  event(type, { node_id: id, iteration_path: "", attempt: 1, data });

function started() {
  seq = 0;
  const store = createRunStore();
  applyEvents(store, [
    event("run_queued"),
    event("run_started"),
    node("node_queued", "a"),
    node("node_started", "a"),
  ]);
  return store;
}

test("a run that starts anywhere is shown and its nodes light up", () => {
  const store = started();
  expect(shownRun(store.getState())?.state).toBe("running");
  expect(nodeRun(store.getState(), "a")?.state).toBe("running");
  applyEvents(store, [
    node("node_completed", "a", { duration_ms: 5, items: 3, ports: { out: 3 }, cached: false }),
  ]);
  expect(nodeRun(store.getState(), "a")).toMatchObject({
    state: "completed",
    durationMs: 5,
    items: 3,
    ports: { out: 3 },
  });
});

test("events that come twice after a resume count once", () => {
  const store = started();
  const line = event("log", { data: { level: "info", message: "once", fields: { rows: 3 } } });
  applyEvents(store, [line]);
  applyEvents(store, [line]);
  expect(shownRun(store.getState())?.logs.map((entry) => [entry.message, entry.fields])).toEqual([
    ["once", "rows=3"],
  ]);
});

test("a finished run leaves no node running", () => {
  const store = started();
  applyEvents(store, [event("run_cancelled")]);
  expect(nodeRun(store.getState(), "a")?.state).toBe("cancelled");
  expect(activeRun(store.getState())).toBeNull();
});

test("a failure keeps its error on the node", () => {
  const store = started();
  applyEvents(store, [
    node("node_failed", "a", { error: { code: "http.refused", message: "No." } }),
    event("run_failed"),
  ]);
  expect(nodeRun(store.getState(), "a")?.error).toMatchObject({ code: "http.refused", message: "No." });
  expect(shownRun(store.getState())?.state).toBe("failed");
});

test("what the list says about a run never undoes what its events said", () => {
  const store = started();
  noteRun(store, { id: "r1", number: 12, state: "ready" }, false);
  expect(shownRun(store.getState())).toMatchObject({ number: 12, state: "running" });
});

test("a node's event leaves the other nodes' views untouched", () => {
  const store = started();
  applyEvents(store, [node("node_started", "b")]);
  const before = nodeRun(store.getState(), "a");
  applyEvents(store, [node("node_completed", "b", { duration_ms: 1, items: 1 })]);
  expect(nodeRun(store.getState(), "a")).toBe(before);
});
