/** What the editor reads from the server about runs and problems. */
import type { Json, LocalText } from "@/flow-core";

export type RunState = "ready" | "running" | "paused" | "completed" | "failed" | "cancelled";
export type NodeState =
  | "pending"
  | "queued"
  | "running"
  | "waiting"
  | "paused"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";

export type RunError = {
  code: string;
  message: string;
  hint?: string | null;
  retryable?: boolean;
  node_id?: string | null;
  details?: Json;
};

export type RunSummary = {
  id: string;
  number: number;
  flow_id: string;
  state: RunState;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  created_by: { id: string; name: string; color: number } | null;
  error: RunError | null;
};

export type NodeRunRow = {
  id: string;
  node_id: string;
  iteration_path: string;
  attempt: number;
  state: NodeState;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  items: number | null;
  error: RunError | null;
  cached?: boolean;
};

export type NodeRunDetail = NodeRunRow & { inputs: Json; outputs: Json };

export type RunEvent = {
  type: string;
  run_id: string;
  seq: number;
  at: string;
  node_id?: string | null;
  iteration_path?: string | null;
  attempt?: number | null;
  data?: Record<string, Json>;
};

export type PatchOperation = { op: string; [key: string]: Json };

export type ServerIssue = {
  code: string;
  severity: "error" | "warning";
  node_id?: string | null;
  edge_id?: string | null;
  path?: Json;
  message: LocalText | string;
  hint?: LocalText | string | null;
  fix?: PatchOperation[] | null;
};

export type FlowPatch = { summary: string; operations: PatchOperation[] };

export type Diagnosis = {
  id: string;
  node_id: string;
  source: string;
  cause: LocalText;
  evidence: string;
  advice: { text: LocalText; patch: FlowPatch | null }[];
};

export type FileItem = {
  id: string;
  name: string;
  mime: string;
  size_bytes: number;
  ref: string;
  created_at: string;
};

export type OptimisationChange = {
  kind: "relaxed" | "shared" | "hoisted" | "fused" | "streamed" | "unread";
  container: string | null;
  nodes: string[];
  what: LocalText;
  why: LocalText;
  saves_ms: number | null;
};

/** What the optimiser does to a flow; times in milliseconds. */
export type OptimisationReport = {
  is_on: boolean;
  changes: OptimisationChange[];
  critical_path: string[];
  predicted: { drawn_ms: number; optimised_ms: number; saved_ms: number; saved_share: number };
  measured: {
    runs: number;
    median_ms: number;
    drawn_runs: number;
    drawn_median_ms: number | null;
  } | null;
  branches: {
    predictions: number;
    hit_rate: number | null;
    prepared: number;
    used: number;
    saved_ms: number;
    wasted_ms: number;
  } | null;
  costs: {
    currency: string;
    budget_micros: number | null;
    drawn_micros: number;
    chosen_micros: number;
    measured_micros: number | null;
    nodes: CostNode[];
  } | null;
};

/** What a node that asks a model is expected to cost, and which of its two models it asks. */
export type CostNode = {
  id: string;
  model: string;
  cheaper_model: string;
  micros: number | null;
  cheaper_micros: number | null;
  is_measured: boolean;
  is_cheaper: boolean;
};
