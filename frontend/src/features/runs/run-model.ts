/** Pure readings of a run: rows of nodes in the order of the flow, bars on the time line, log lines. */
import type { ChildRun, FlowDefinition, NodeRun, RunDetail, RunEvent } from "@/lib/api";

export type NodeRow = { key: string; nodeId: string; name: string; type: string; run: NodeRun | null };

type Placed = { pos?: [number, number] };
const across = ({ pos }: Placed): number => pos?.[0] ?? 0;

/** The container an iteration path ends in; null at the top level. */
export function containerOf(path: string): string | null {
  return path ? (path.slice(path.lastIndexOf("/") + 1).split(".")[0] ?? null) : null;
}

/** The number people count an iteration by, from 1. */
export function roundOf(path: string): number {
  const step = path.slice(path.lastIndexOf("/") + 1);
  return Number(step.slice(step.indexOf(".") + 1).split("@")[0]) + 1;
}

/** Attempts of one level in the order they started; its nodes the run has not reached come last, left to
 * right. */
export function nodeRows(
  definition: FlowDefinition | undefined,
  runs: readonly NodeRun[],
  path = "",
): NodeRow[] {
  const nodes = definition?.nodes ?? [];
  const container = containerOf(path);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const row = (nodeId: string, run: NodeRun | null): NodeRow => {
    const node = byId.get(nodeId);
    return { key: run?.id ?? nodeId, nodeId, name: node?.name || nodeId, type: node?.type ?? "", run };
  };
  const reached = new Set(runs.map((run) => run.node_id));
  const waiting = nodes
    .filter((node) => (node.parent ?? null) === container)
    .filter((node) => !reached.has(node.id) && node.disabled !== true)
    .sort((a, b) => across(a) - across(b));
  return [...runs.map((run) => row(run.node_id, run)), ...waiting.map((node) => row(node.id, null))];
}

/** The run a node has started, by the newest attempt. */
export function childOf(run: Pick<RunDetail, "children">, node: NodeRun): ChildRun | undefined {
  const place = `${node.node_id}|${node.iteration_path}|`;
  return run.children.find((child) => child.parent_path.startsWith(place));
}

export type Bar = { left: number; width: number };

/** Where a node's work lies within the run, in percent. */
export function barOf(
  run: Pick<RunDetail, "started_at" | "finished_at">,
  node: NodeRun,
  now: number,
): Bar | null {
  if (run.started_at === null || node.started_at === null) return null;
  const start = Date.parse(run.started_at);
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  const length = Math.max(1, end - start);
  const from = Math.min(Math.max(0, Date.parse(node.started_at) - start), length);
  const until = node.finished_at === null ? end : Date.parse(node.finished_at);
  const to = Math.min(Math.max(from, until - start), length);
  return { left: (from / length) * 100, width: ((to - from) / length) * 100 };
}

export type Level = "debug" | "info" | "warning" | "error";
export type LogLine = {
  seq: number;
  at: string;
  level: Level;
  nodeId: string | null;
  type: string;
  /** What the node or the engine said; null when the type says it all. */
  message: string | null;
};

function levelOf(event: RunEvent): Level {
  if (event.type === "log") {
    const level = event.data?.level;
    if (level === "warn" || level === "warning") return "warning";
    return level === "debug" || level === "error" ? level : "info";
  }
  if (/_failed$/.test(event.type)) return "error";
  return event.type === "node_retrying" ? "warning" : "info";
}

function errorMessage(data: RunEvent["data"]): string | null {
  const error = data?.error;
  if (typeof error === "string") return error;
  if (typeof error !== "object" || error === null || Array.isArray(error)) return null;
  return typeof error.message === "string" ? error.message : null;
}

function messageOf(event: RunEvent): string | null {
  const data = event.data ?? {};
  if (event.type === "log") {
    const fields = data.fields;
    const extra =
      typeof fields === "object" && fields !== null && !Array.isArray(fields)
        ? Object.entries(fields).map(
            ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
          )
        : [];
    return [String(data.message ?? ""), ...extra].join("  ");
  }
  const error = errorMessage(event.data);
  if (error !== null) return error;
  if (event.type === "node_progress" && typeof data.done === "number") {
    const of = typeof data.total === "number" ? `${data.done} / ${data.total}` : `${data.done}`;
    return typeof data.message === "string" && data.message ? `${of}  ${data.message}` : of;
  }
  // Why a run waits is told by what it waits for.
  if (event.type === "run_waiting") return null;
  return typeof data.reason === "string" && data.reason ? data.reason : null;
}

/** The roadmap's own names are sent beside ours and would say everything twice. */
const doubled = new Set(["flow_completed", "flow_failed", "node_output"]);

export function logLines(events: readonly RunEvent[]): LogLine[] {
  return events
    .filter((event) => !doubled.has(event.type))
    .map((event) => ({
      seq: event.seq,
      at: event.at,
      level: levelOf(event),
      nodeId: event.node_id ?? null,
      type: event.type,
      message: messageOf(event),
    }));
}
