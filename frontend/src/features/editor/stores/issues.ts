/** Problems of the flow as the editor shows them: its own instant checks and the server's. */
import {
  connectable,
  directionOf,
  type FieldSpec,
  type FlowDocument,
  type FlowEdge,
  type FlowNode,
  insideOf,
  type Json,
  type LiveSnapshot,
  type NodeSpec,
  type NodeTypes,
  outputPort,
  type ProblemCode,
  type ProjectionProblem,
  sourcePort,
  targetPort,
} from "@/flow-core";
import type { PatchOperation, ServerIssue } from "../api/types";

export type IssueKind =
  | ProblemCode
  | "edge.type"
  | "edge.port"
  | "node.unknown"
  | "field.required"
  | "field.range"
  | "field.length"
  | "port.required"
  | "server";

export type Issue = {
  key: string;
  kind: IssueKind;
  severity: "error" | "warning";
  nodeId: string | null;
  edgeId: string | null;
  field: string | null;
  values: Record<string, string>;
  /** Text of the server, when the issue is its. */
  server?: ServerIssue;
  fix?: { kind: "remove_edge"; edgeId: string } | { kind: "patch"; operations: PatchOperation[] };
};

export function findIssues(snapshot: LiveSnapshot, types: NodeTypes): Issue[] {
  const { document } = snapshot;
  return [
    ...snapshot.problems.map(ofProjection),
    ...document.edges.flatMap((edge) => edgeIssue(edge, snapshot, types) ?? []),
    ...document.nodes.flatMap((node) => nodeIssues(node, document, types)),
  ];
}

function ofProjection(problem: ProjectionProblem): Issue {
  const edgeId = problem.edge_id ?? null;
  return {
    key: [problem.code, edgeId, problem.node_id, problem.path, problem.other].join(":"),
    kind: problem.code,
    severity: "error",
    nodeId: problem.node_id ?? null,
    edgeId,
    field: null,
    values: { path: problem.path ?? "", other: problem.other ?? "", node: problem.node_id ?? "" },
    ...(edgeId ? { fix: { kind: "remove_edge" as const, edgeId } } : {}),
  };
}

function edgeIssue(edge: FlowEdge, snapshot: LiveSnapshot, types: NodeTypes): Issue | null {
  const nodes = snapshot.nodesById;
  const known = (id: string) => types.get(nodes.get(id)?.type ?? "") !== undefined;
  // What leads out of a container is the server's to name.
  if (!known(edge.source) || !known(edge.target) || directionOf(edge, nodes) === "outward") return null;
  const from = sourcePort(edge, nodes, types)?.type;
  const to = targetPort(edge, nodes, types)?.type;
  const base = {
    severity: "error" as const,
    nodeId: edge.target,
    edgeId: edge.id,
    field: null,
    fix: { kind: "remove_edge" as const, edgeId: edge.id },
  };
  if (!from || !to) {
    const port = from ? edge.target_port : edge.source_port;
    return { ...base, key: `edge.port:${edge.id}`, kind: "edge.port", values: { port } };
  }
  if (connectable(from, to)) return null;
  return { ...base, key: `edge.type:${edge.id}`, kind: "edge.type", values: { from, to } };
}

/** Every node has an `error` output beside its declared ones when it routes its failures. */
export function outputType(spec: NodeSpec, port: string): string | undefined {
  return outputPort(spec, port)?.type ?? (port === "error" ? "Error" : undefined);
}

function nodeIssues(node: FlowNode, document: FlowDocument, types: NodeTypes): Issue[] {
  const spec = types.get(node.type);
  if (!spec) return [issue("node.unknown", node, null, { type: node.type })];
  if (node.disabled) return [];
  const own = insideOf([node.id], spec.body ? document.nodes : [], false);
  const wired = new Set(
    document.edges.filter((e) => e.target === node.id && !own.has(e.source)).map((e) => e.target_port),
  );
  const fields = spec.config.flatMap((field) => {
    if (wired.has(field.name) || !fieldIsShown(field, node, spec.config)) return [];
    const found = fieldIssue(field, node.config[field.name]);
    return found ? [issue(found.kind, node, field.name, found.values)] : [];
  });
  const declared = new Set(spec.config.map((field) => field.name));
  const ports = spec.inputs
    .filter((port) => port.required && !wired.has(port.name) && !declared.has(port.name))
    .map((port) => issue("port.required", node, port.name, { port: port.name }));
  return [...fields, ...ports];
}

function issue(kind: IssueKind, node: FlowNode, field: string | null, values: Record<string, string>): Issue {
  return {
    key: `${kind}:${node.id}:${field ?? ""}`,
    kind,
    severity: "error",
    nodeId: node.id,
    edgeId: null,
    field,
    values,
  };
}

/** Whether the other fields make this one appear; one that is not set counts with its default. */
export function fieldIsShown(field: FieldSpec, node: FlowNode, fields: FieldSpec[] = []): boolean {
  return Object.entries(field.show_when ?? {}).every(([name, values]) => {
    const value = node.config[name] ?? fields.find((other) => other.name === name)?.default;
    return values.some((wanted) => wanted === value);
  });
}

export function isExpression(value: Json | undefined): boolean {
  return typeof value === "string" && value.includes("{{");
}

export type FieldIssue = {
  kind: "field.required" | "field.range" | "field.length";
  values: Record<string, string>;
};

/** Checks one value against its field; expressions are the server's to check. */
export function fieldIssue(field: FieldSpec, value: Json | undefined): FieldIssue | null {
  if (isEmpty(value)) return field.required ? { kind: "field.required", values: {} } : null;
  if (isExpression(value)) return null;
  if (typeof value === "number") {
    const { minimum, maximum } = field;
    const low = minimum !== undefined && value < minimum;
    const high = maximum !== undefined && value > maximum;
    if (low || high) {
      return { kind: "field.range", values: { min: String(minimum ?? "−∞"), max: String(maximum ?? "∞") } };
    }
  }
  if (typeof value === "string" && field.max_length !== undefined && value.length > field.max_length) {
    return { kind: "field.length", values: { max: String(field.max_length) } };
  }
  return null;
}

export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "") return true;
  return Array.isArray(value) && value.length === 0;
}

/** The server's issues that the instant checks do not already show. */
export function mergeIssues(own: readonly Issue[], server: readonly ServerIssue[]): Issue[] {
  const edges = new Set(own.flatMap((issue) => issue.edgeId ?? []));
  const places = new Set(own.map((issue) => `${issue.nodeId}:${issue.field ?? ""}`));
  const unknown = new Set(
    own.flatMap((issue) => (issue.kind === "node.unknown" ? (issue.nodeId ?? []) : [])),
  );
  const unfed = new Set(own.flatMap((issue) => (issue.kind === "port.required" ? (issue.nodeId ?? []) : [])));
  const added = server.flatMap((item, index): Issue[] => {
    const field = fieldOfPath(item.path);
    if (item.edge_id && edges.has(item.edge_id)) return [];
    if (item.code === "node.input_missing" && item.node_id && unfed.has(item.node_id)) return [];
    if (item.node_id && (places.has(`${item.node_id}:${field ?? ""}`) || unknown.has(item.node_id)))
      return [];
    return [
      {
        key: `server:${item.code}:${item.node_id ?? ""}:${item.edge_id ?? ""}:${field ?? ""}:${index}`,
        kind: "server",
        severity: item.severity,
        nodeId: item.node_id ?? null,
        edgeId: item.edge_id ?? null,
        field,
        values: {},
        server: item,
        ...(item.fix && item.fix.length > 0 ? { fix: { kind: "patch" as const, operations: item.fix } } : {}),
      },
    ];
  });
  return [...own, ...added].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
}

/** `config.model` or `["config", "model"]` or `nodes[3].config.model` → `model`. */
function fieldOfPath(path: Json | undefined): string | null {
  if (Array.isArray(path)) {
    const at = path.indexOf("config");
    return at >= 0 && typeof path[at + 1] === "string" ? (path[at + 1] as string) : null;
  }
  if (typeof path !== "string") return null;
  return /(?:^|[./])config[./]([A-Za-z_]\w*)/.exec(path)?.[1] ?? null;
}
