/** Whether a connection may be drawn, and when not, why. */
import {
  connectable,
  directionOf,
  type EdgeEnds,
  edgeId,
  inputPort,
  type LiveSnapshot,
  lifted,
  type NodeSpec,
  type NodeTypes,
  parentIn,
  sourcePort,
  targetPort,
} from "@/flow-core";
import { outputType } from "../../stores/issues";

export type Refusal =
  | { kind: "self" }
  | { kind: "exists" }
  | { kind: "cycle" }
  | { kind: "outward" }
  | { kind: "type"; from: string; to: string };

export function refusal(ends: EdgeEnds, snapshot: LiveSnapshot, types: NodeTypes): Refusal | null {
  if (ends.source === ends.target) return { kind: "self" };
  if (snapshot.edgesById.has(edgeId(ends))) return { kind: "exists" };
  const direction = directionOf(ends, snapshot.nodesById);
  if (direction === "outward") return { kind: "outward" };
  const [source, target] = [sourcePort, targetPort].map((port) => port(ends, snapshot.nodesById, types));
  if ((direction === "given" && !source) || (direction === "result" && !target)) return { kind: "outward" };
  if (source && target && !connectable(source.type, target.type)) {
    return { kind: "type", from: source.type, to: target.type };
  }
  return closesCycle(ends, snapshot) ? { kind: "cycle" } : null;
}

function portType(
  snapshot: LiveSnapshot,
  types: NodeTypes,
  node: string,
  port: string,
  side: "source" | "target",
): string | undefined {
  const spec = types.get(snapshot.nodesById.get(node)?.type ?? "");
  if (!spec) return undefined;
  const inner = (side === "source" ? spec.body?.gives : spec.body?.takes)?.find((p) => p.name === port);
  return (side === "source" ? outputType(spec, port) : inputPort(spec, port)?.type) ?? inner?.type;
}

/** Whether a level of the flow would run in a circle. */
function closesCycle(ends: EdgeEnds, snapshot: LiveSnapshot): boolean {
  const parentOf = parentIn(snapshot.nodesById);
  const arc = lifted(ends.source, ends.target, parentOf);
  return arc !== undefined && reaches(snapshot, arc[1], arc[0]);
}

function reaches(snapshot: LiveSnapshot, from: string, to: string): boolean {
  const parentOf = parentIn(snapshot.nodesById);
  const next = new Map<string, string[]>();
  for (const edge of snapshot.document.edges) {
    const arc = lifted(edge.source, edge.target, parentOf);
    if (!arc) continue;
    const list = next.get(arc[0]);
    if (list) list.push(arc[1]);
    else next.set(arc[0], [arc[1]]);
  }
  const stack = [from];
  const seen = new Set<string>();
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (at === to) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    stack.push(...(next.get(at) ?? []));
  }
  return false;
}

/** Edges that must go when a single-value input gets a new one. */
export function displaced(ends: EdgeEnds, snapshot: LiveSnapshot, types: NodeTypes): string[] {
  const spec = types.get(snapshot.nodesById.get(ends.target)?.type ?? "");
  if (!spec || directionOf(ends, snapshot.nodesById) === "result") return [];
  if (inputPort(spec, ends.target_port)?.multiple) return [];
  return snapshot.document.edges
    .filter((edge) => edge.target === ends.target && edge.target_port === ends.target_port)
    .map((edge) => edge.id);
}

export type LooseEnd = { node: string; port: string; side: "source" | "target" };

/** `rank` is lower the better it fits: the very type, a declared port that takes it, a field. */
export type Join = { rank: number; ends: (id: string) => EdgeEnds };

/** How a new node of a type would hang on a loose end; null when nothing fits. */
export function joinFor(spec: NodeSpec, loose: LooseEnd, looseType: string | undefined): Join | null {
  const declared = loose.side === "source" ? spec.inputs : spec.outputs;
  const all = loose.side === "source" ? spec.input_ports : spec.outputs;
  const takes = (type: string): boolean =>
    loose.side === "source" ? fits(looseType, type) : fits(type, looseType);
  const named = (type: string): boolean => type === looseType;
  const tests = [
    declared.find((port) => named(port.type)),
    declared.find((port) => port.type !== "any" && takes(port.type)),
    declared.find((port) => takes(port.type)),
    all.find((port) => takes(port.type)),
  ];
  const rank = tests.findIndex((port) => port !== undefined);
  const port = tests[rank];
  if (!port) return null;
  const here = { node: loose.node, port: loose.port };
  return {
    rank,
    ends: (id) =>
      loose.side === "source"
        ? { source: here.node, source_port: here.port, target: id, target_port: port.name }
        : { source: id, source_port: port.name, target: here.node, target_port: here.port },
  };
}

function fits(source: string | undefined, target: string | undefined): boolean {
  return source === undefined || target === undefined || connectable(source, target);
}

export function looseEndType(loose: LooseEnd, snapshot: LiveSnapshot, types: NodeTypes): string | undefined {
  return portType(snapshot, types, loose.node, loose.port, loose.side);
}

/** The joins that keep neighbours connected when a node between them goes. */
export function bypasses(id: string, snapshot: LiveSnapshot, types: NodeTypes): EdgeEnds[] {
  const into = snapshot.document.edges.filter((edge) => edge.target === id);
  const out = snapshot.document.edges.filter((edge) => edge.source === id);
  return into.flatMap((before) =>
    out.flatMap((after) => {
      const from = portType(snapshot, types, before.source, before.source_port, "source");
      const to = portType(snapshot, types, after.target, after.target_port, "target");
      if (from && to && !connectable(from, to)) return [];
      return [
        {
          source: before.source,
          source_port: before.source_port,
          target: after.target,
          target_port: after.target_port,
        },
      ];
    }),
  );
}

/** How a node fits into an existing connection: the input it takes and the output it passes on. */
export function insertion(
  spec: NodeSpec,
  edge: { id: string; source: string; source_port: string; target: string; target_port: string },
  snapshot: LiveSnapshot,
  types: NodeTypes,
): { input: string; output: string } | null {
  const from = portType(snapshot, types, edge.source, edge.source_port, "source");
  const to = portType(snapshot, types, edge.target, edge.target_port, "target");
  const input = spec.inputs.find((port) => fits(from, port.type));
  const output = spec.outputs.find((port) => fits(port.type, to));
  return input && output ? { input: input.name, output: output.name } : null;
}
