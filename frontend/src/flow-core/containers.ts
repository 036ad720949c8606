/** Containers on the canvas: who is inside whom, how big they are, which ports a connection may use. */
import type { EdgeEnds, FlowNode, Point } from "./document";
import { containersOf } from "./levels";
import { type NodeTypes, outputPort, type PortSpec } from "./node-spec";

export const CONTAINER_SIZE: Point = [440, 260];
export const CONTAINER_MIN: Point = [240, 160];
const ERROR_PORT: PortSpec = { name: "error", type: "Error", label: { en: "Error", zh: "错误" } };

type Nodes = ReadonlyMap<string, Pick<FlowNode, "id" | "type" | "parent">>;

export function parentIn(nodes: Nodes): (id: string) => string | undefined {
  return (id) => nodes.get(id)?.parent;
}

export function isContainer(node: Pick<FlowNode, "type">, types: NodeTypes): boolean {
  return types.get(node.type)?.body !== undefined;
}

export function containerSize(node: Pick<FlowNode, "size">): Point {
  const [width, height] = node.size ?? CONTAINER_SIZE;
  return [Math.max(width, CONTAINER_MIN[0]), Math.max(height, CONTAINER_MIN[1])];
}

/** Nodes and everything inside them, at any depth; only what is inside, without `withThemselves`. */
export function insideOf(
  ids: Iterable<string>,
  nodes: Iterable<Pick<FlowNode, "id" | "parent">>,
  withThemselves = true,
): Set<string> {
  const roots = new Set(ids);
  const children = new Map<string, string[]>();
  for (const { id, parent } of nodes) {
    if (parent === undefined) continue;
    const known = children.get(parent);
    if (known) known.push(id);
    else children.set(parent, [id]);
  }
  const found = new Set<string>(withThemselves ? roots : []);
  const open = [...roots];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const child of children.get(at) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      open.push(child);
    }
  }
  return found;
}

/** The innermost container whose frame holds a point; those in `except` do not count. */
export function containerAt(
  point: Point,
  nodes: readonly FlowNode[],
  types: NodeTypes,
  except: ReadonlySet<string> = new Set(),
): string | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  let best: { id: string; depth: number } | undefined;
  for (const node of nodes) {
    if (except.has(node.id) || !isContainer(node, types)) continue;
    const [width, height] = containerSize(node);
    const [x, y] = [point[0] - node.pos[0], point[1] - node.pos[1]];
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const depth = containersOf(node.id, parentIn(byId)).length;
    if (!best || depth > best.depth) best = { id: node.id, depth };
  }
  return best?.id;
}

/** How two ends stand to each other: on one level or inwards, from a container to its inside, or back. */
export type Direction = "plain" | "given" | "result" | "outward";

export function directionOf(
  { source, target }: Pick<EdgeEnds, "source" | "target">,
  nodes: Nodes,
): Direction {
  const parentOf = parentIn(nodes);
  if (parentOf(source) === target) return "result";
  const around = containersOf(target, parentOf);
  if (around.includes(source)) return "given";
  const level = parentOf(source);
  return level === undefined || around.includes(level) ? "plain" : "outward";
}

/** The port a connection leaves from; undefined when the type has none of that name. */
export function sourcePort(ends: EdgeEnds, nodes: Nodes, types: NodeTypes): PortSpec | undefined {
  const spec = types.get(nodes.get(ends.source)?.type ?? "");
  if (directionOf(ends, nodes) === "given") {
    return spec?.body?.gives.find((port) => port.name === ends.source_port);
  }
  return outputPort(spec, ends.source_port) ?? (ends.source_port === "error" ? ERROR_PORT : undefined);
}

/** The port a connection leads to. */
export function targetPort(ends: EdgeEnds, nodes: Nodes, types: NodeTypes): PortSpec | undefined {
  const spec = types.get(nodes.get(ends.target)?.type ?? "");
  const ports = directionOf(ends, nodes) === "result" ? spec?.body?.takes : spec?.input_ports;
  return ports?.find((port) => port.name === ends.target_port);
}
