/** Runs of one open flow as they happen: the fold of their events, one record per run. */
import { createStore } from "zustand/vanilla";
import { isObject, type Json } from "@/flow-core";
import type { NodeRunRow, NodeState, RunError, RunEvent, RunState, RunSummary } from "../api/types";

export type NodeRunView = {
  state: NodeState;
  attempt: number;
  queuedAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  durationMs: number | null;
  items: number | null;
  /** Items per output port, when the engine counts them. */
  ports: Readonly<Record<string, number>> | null;
  cached: boolean;
  progress: { done: number; total: number | null; message: string } | null;
  skipReason: string;
  error: RunError | null;
  /** How often it ended inside containers: completed and failed rounds together, and failed ones. */
  rounds: number;
  failedRounds: number;
};

export type LogLine = {
  seq: number;
  at: string;
  nodeId: string | null;
  level: string;
  message: string;
  /** `name=value` of what was logged beside the message. */
  fields: string;
};

export type RunView = {
  id: string;
  number: number | null;
  state: RunState;
  startedAt: number | null;
  finishedAt: number | null;
  createdBy: string | null;
  lastSeq: number;
  error: RunError | null;
  nodes: ReadonlyMap<string, NodeRunView>;
  logs: readonly LogLine[];
};

export type RunsState = {
  runs: ReadonlyMap<string, RunView>;
  /** The run the canvas and the drawer show. */
  shown: string | null;
  /** Times of the server minus times of this machine. */
  clockOffsetMs: number;
};

const MAX_LOG_LINES = 5_000;
const FINAL: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

export function createRunStore() {
  return createStore<RunsState>()(() => ({ runs: new Map(), shown: null, clockOffsetMs: 0 }));
}

export type RunStore = ReturnType<typeof createRunStore>;

export function isFinal(state: RunState): boolean {
  return FINAL.has(state);
}

export function shownRun(state: RunsState): RunView | null {
  return state.shown ? (state.runs.get(state.shown) ?? null) : null;
}

/** The newest run that still goes on. */
export function activeRun(state: RunsState): RunView | null {
  let newest: RunView | null = null;
  for (const run of state.runs.values()) {
    if (!isFinal(run.state) && (newest === null || (run.number ?? 0) >= (newest.number ?? 0))) newest = run;
  }
  return newest;
}

export function nodeRun(state: RunsState, nodeId: string): NodeRunView | null {
  return shownRun(state)?.nodes.get(nodeId) ?? null;
}

export function noteRun(store: RunStore, run: Partial<RunSummary> & { id: string }, show: boolean): void {
  const { runs } = store.getState();
  const before = runs.get(run.id) ?? emptyRun(run.id);
  const next: RunView = {
    ...before,
    number: run.number ?? before.number,
    state: before.lastSeq > 0 ? before.state : (run.state ?? before.state),
    startedAt: before.startedAt ?? time(run.started_at),
    finishedAt: before.finishedAt ?? time(run.finished_at),
    createdBy: run.created_by?.name ?? before.createdBy,
    error: run.error ?? before.error,
  };
  const shown = show ? run.id : store.getState().shown;
  store.setState({ runs: new Map(runs).set(run.id, next), shown });
}

/** Fills in the nodes of a run that was over before this page was opened. */
export function noteNodeRuns(store: RunStore, runId: string, rows: readonly NodeRunRow[]): void {
  const run = store.getState().runs.get(runId);
  if (!run || run.lastSeq > 0) return;
  const nodes = new Map<string, NodeRunView>();
  for (const row of rows) {
    const before = nodes.get(row.node_id);
    if (row.iteration_path) {
      // A container's own iterations are rows of its name; what is shown of it is its row on its own level.
      if (before && !before.rounds) continue;
      const failed = (before?.failedRounds ?? 0) + Number(row.state === "failed");
      nodes.set(row.node_id, { ...ofRow(row), rounds: (before?.rounds ?? 0) + 1, failedRounds: failed });
    } else if (!before || before.rounds || before.attempt <= row.attempt) nodes.set(row.node_id, ofRow(row));
  }
  put(store, { ...run, nodes });
}

export function showRun(store: RunStore, runId: string | null): void {
  store.setState({ shown: runId });
}

/** Applies events in order; those already applied are skipped, so a resume may overlap. */
export function applyEvents(store: RunStore, events: readonly RunEvent[]): void {
  const runs = new Map(store.getState().runs);
  let { shown } = store.getState();
  for (const event of events) {
    const run = runs.get(event.run_id) ?? emptyRun(event.run_id);
    if (event.seq <= run.lastSeq) continue;
    runs.set(event.run_id, applyEvent(run, event));
    const current = shown ? runs.get(shown) : null;
    if (event.type === "run_queued" && (!current || isFinal(current.state))) shown = event.run_id;
  }
  store.setState({ runs, shown });
}

function applyEvent(run: RunView, event: RunEvent): RunView {
  const next = { ...run, lastSeq: event.seq };
  const data = event.data ?? {};
  switch (event.type) {
    case "run_queued":
      return { ...next, state: "ready", number: asNumber(data.number) ?? run.number };
    case "run_started":
      return { ...next, state: "running", startedAt: run.startedAt ?? time(event.at) };
    case "run_resumed":
      return { ...next, state: "running" };
    case "run_paused":
      return { ...next, state: "paused" };
    case "run_waiting":
      return next;
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      return {
        ...next,
        state: event.type.slice(4) as RunState,
        finishedAt: time(event.at),
        error: asError(data.error) ?? run.error,
        nodes: settled(run.nodes, event),
      };
    case "log":
      return { ...next, logs: [...run.logs, logLine(event)].slice(-MAX_LOG_LINES) };
    default:
      return event.node_id ? withNode(next, event.node_id, event) : next;
  }
}

/** A run that is over leaves no node running. */
function settled(nodes: RunView["nodes"], event: RunEvent): RunView["nodes"] {
  const open = [...nodes].filter(([, node]) => ["running", "queued", "waiting"].includes(node.state));
  if (open.length === 0) return nodes;
  const next = new Map(nodes);
  for (const [id, node] of open) next.set(id, { ...node, state: "cancelled", finishedAt: time(event.at) });
  return next;
}

function withNode(run: RunView, nodeId: string, event: RunEvent): RunView {
  const before = run.nodes.get(nodeId) ?? emptyNode();
  const after = counted(applyNodeEvent(before, event), event);
  return after === before ? run : { ...run, nodes: new Map(run.nodes).set(nodeId, after) };
}

/** Inside containers a node ends many times; each time counts. */
function counted(node: NodeRunView, event: RunEvent): NodeRunView {
  if (!event.iteration_path) return node;
  const failed = event.type === "node_failed";
  if (!failed && event.type !== "node_completed") return node;
  return { ...node, rounds: node.rounds + 1, failedRounds: node.failedRounds + Number(failed) };
}

function applyNodeEvent(node: NodeRunView, event: RunEvent): NodeRunView {
  const data = event.data ?? {};
  const at = time(event.at);
  const attempt = event.attempt ?? node.attempt;
  switch (event.type) {
    case "node_queued":
      return {
        ...emptyNode(),
        rounds: node.rounds,
        failedRounds: node.failedRounds,
        state: "queued",
        queuedAt: at,
        attempt,
      };
    case "node_started":
      return { ...node, state: "running", startedAt: at, finishedAt: null, attempt, error: null };
    case "node_progress":
      return { ...node, progress: progressOf(data) };
    case "node_completed":
      return {
        ...node,
        state: "completed",
        attempt,
        startedAt: node.startedAt ?? at,
        finishedAt: at,
        durationMs: asNumber(data.duration_ms),
        items: asNumber(data.items),
        ports: asCounts(data.ports),
        cached: data.cached === true,
        progress: null,
      };
    case "node_failed":
      return {
        ...node,
        state: "failed",
        attempt,
        finishedAt: at,
        error: asError(data.error),
        progress: null,
        durationMs: asNumber(data.duration_ms) ?? (node.startedAt && at ? at - node.startedAt : null),
      };
    case "node_retrying":
      return { ...node, state: "waiting", attempt, error: asError(data.error) ?? node.error };
    case "node_waiting":
      return { ...node, state: "waiting" };
    case "node_skipped":
      return { ...node, state: "skipped", skipReason: String(data.reason ?? "") };
    default:
      return node;
  }
}

function emptyRun(id: string): RunView {
  return {
    id,
    number: null,
    state: "ready",
    startedAt: null,
    finishedAt: null,
    createdBy: null,
    lastSeq: 0,
    error: null,
    nodes: new Map(),
    logs: [],
  };
}

function emptyNode(): NodeRunView {
  return {
    state: "pending",
    attempt: 1,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    durationMs: null,
    items: null,
    ports: null,
    cached: false,
    progress: null,
    skipReason: "",
    error: null,
    rounds: 0,
    failedRounds: 0,
  };
}

function ofRow(row: NodeRunRow): NodeRunView {
  return {
    ...emptyNode(),
    state: row.state,
    attempt: row.attempt,
    startedAt: time(row.started_at),
    finishedAt: time(row.finished_at),
    durationMs: row.duration_ms,
    items: row.items,
    cached: row.cached === true,
    error: row.error,
  };
}

function logLine(event: RunEvent): LogLine {
  const data = event.data ?? {};
  return {
    seq: event.seq,
    at: event.at,
    nodeId: event.node_id ?? null,
    level: String(data.level ?? "info"),
    message: String(data.message ?? ""),
    fields: Object.entries(isObject(data.fields) ? data.fields : {})
      .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
      .join(" "),
  };
}

function progressOf(data: Record<string, Json>): NodeRunView["progress"] {
  return {
    done: asNumber(data.done) ?? 0,
    total: asNumber(data.total),
    message: typeof data.message === "string" ? data.message : "",
  };
}

function asError(value: Json | undefined): RunError | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return { ...(value as object), code: String(value.code ?? ""), message: String(value.message ?? "") };
}

function asCounts(value: Json | undefined): Record<string, number> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function asNumber(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function time(iso: string | null | undefined): number | null {
  const value = iso ? Date.parse(iso) : Number.NaN;
  return Number.isNaN(value) ? null : value;
}

function put(store: RunStore, run: RunView): void {
  store.setState({ runs: new Map(store.getState().runs).set(run.id, run) });
}
