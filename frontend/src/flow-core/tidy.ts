/**
 * A layered layout from left to right, level by level: each node stands one column after the last node
 * it waits for, columns are ordered by where their neighbours stand (barycentres, a few sweeps). What is
 * inside a container is laid out first, and its frame fits around it.
 */

import { CONTAINER_SIZE } from "./containers";
import type { FlowNode, Point } from "./document";
import { lifted } from "./levels";
import type { FlowDocument } from "./projection";

const CARD: Point = [164, 72];
const GAP: Point = [68, 36];
/** Room inside a container beside and below its children, and above them for its head. */
const PADDING: Point = [72, 40];
const HEAD = 84;
const SWEEPS = 6;

type Drawn = Pick<FlowDocument, "nodes" | "edges">;
export type Tidied = { positions: Map<string, Point>; sizes: Map<string, Point> };
type Level = { order: string[][]; size: (id: string) => Point };

/**
 * Absolute positions of all nodes, and the sizes of the containers that hold some; `sizeOf` is how big a
 * node without children is drawn.
 */
export function tidied(document: Drawn, sizeOf: (node: FlowNode) => Point = () => CARD): Tidied {
  const byId = new Map(document.nodes.map((node) => [node.id, node]));
  const parentOf = (id: string) => byId.get(id)?.parent;
  const levels = new Map<string | undefined, FlowNode[]>();
  for (const node of document.nodes) {
    const known = levels.get(node.parent);
    if (known) known.push(node);
    else levels.set(node.parent, [node]);
  }
  const arcs = document.edges.flatMap((edge) => {
    const arc = lifted(edge.source, edge.target, parentOf);
    return arc ? [{ source: arc[0], target: arc[1] }] : [];
  });
  const sizes = new Map<string, Point>();
  const local = new Map<string, Point>();
  const layOut = (parent: string | undefined): Point => {
    const nodes = levels.get(parent) ?? [];
    for (const node of nodes) {
      if (!levels.has(node.id)) continue;
      const [width, height] = layOut(node.id);
      sizes.set(node.id, [
        Math.max(CONTAINER_SIZE[0] / 2, width + 2 * PADDING[0]),
        height + HEAD + PADDING[1],
      ]);
    }
    const inside = new Set(nodes.map((node) => node.id));
    const order = ordered(
      nodes,
      arcs.filter((arc) => inside.has(arc.source) && inside.has(arc.target)),
    );
    const size = (id: string): Point => {
      const node = byId.get(id);
      return sizes.get(id) ?? (node ? sizeOf(node) : CARD);
    };
    return place({ order, size }, local);
  };
  layOut(undefined);
  const positions = new Map<string, Point>();
  const settle = (parent: string | undefined, [x, y]: Point): void => {
    for (const { id } of levels.get(parent) ?? []) {
      const [dx, dy] = local.get(id) ?? [0, 0];
      positions.set(id, [x + dx, y + dy]);
      if (levels.has(id)) settle(id, [x + dx + PADDING[0], y + dy + HEAD]);
    }
  };
  settle(undefined, [0, 0]);
  return { positions, sizes };
}

type Arc = { source: string; target: string };
type Neighbours = ReadonlyMap<string, readonly string[]>;

function ordered(nodes: readonly FlowNode[], arcs: readonly Arc[]): string[][] {
  const before = neighbours(nodes, arcs, "source", "target");
  const after = neighbours(nodes, arcs, "target", "source");
  const columns = layered(nodes, before);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    arrange(columns, forward ? before : after, forward);
  }
  return columns;
}

function neighbours(
  nodes: readonly FlowNode[],
  arcs: readonly Arc[],
  from: "source" | "target",
  of: "source" | "target",
): Neighbours {
  const result = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const arc of arcs) result.get(arc[of])?.push(arc[from]);
  return result;
}

function layered(nodes: readonly FlowNode[], before: Neighbours): string[][] {
  const depth = new Map<string, number>();
  const byRow = [...nodes].sort((a, b) => a.pos[1] - b.pos[1]);
  // Every level of a projection is acyclic, so as many rounds as nodes settle every depth.
  for (let round = 0, moved = true; moved && round <= nodes.length; round += 1) {
    moved = false;
    for (const { id } of byRow) {
      const wanted = Math.max(0, ...(before.get(id) ?? []).map((other) => (depth.get(other) ?? 0) + 1));
      if (wanted !== depth.get(id)) {
        depth.set(id, wanted);
        moved = true;
      }
    }
  }
  const columns: string[][] = [];
  for (const { id } of byRow) {
    const column = depth.get(id) ?? 0;
    columns[column] = [...(columns[column] ?? []), id];
  }
  return columns;
}

function arrange(columns: string[][], towards: Neighbours, forward: boolean): void {
  const row = new Map(
    columns.flatMap((column) => column.map((id, index) => [id, index - column.length / 2])),
  );
  for (const column of forward ? columns : [...columns].reverse()) {
    const weight = new Map(
      column.map((id) => [
        id,
        mean(
          (towards.get(id) ?? []).map((other) => row.get(other) ?? 0),
          row.get(id) ?? 0,
        ),
      ]),
    );
    column.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
    column.forEach((id, index) => {
      row.set(id, index - column.length / 2);
    });
  }
}

function mean(values: readonly number[], fallback: number): number {
  return values.length === 0 ? fallback : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Places a level with its top left corner at 0, 0; returns its size. */
function place({ order, size }: Level, positions: Map<string, Point>): Point {
  const heights = order.map(
    (column) => column.reduce((sum, id) => sum + size(id)[1] + GAP[1], 0) - (column.length ? GAP[1] : 0),
  );
  const tallest = Math.max(0, ...heights);
  let x = 0;
  order.forEach((column, index) => {
    let y = Math.round((tallest - (heights[index] ?? 0)) / 2 / 4) * 4;
    for (const id of column) {
      positions.set(id, [x, y]);
      y += size(id)[1] + GAP[1];
    }
    x += Math.max(0, ...column.map((id) => size(id)[0])) + GAP[0];
  });
  return [Math.max(0, x - GAP[0]), tallest];
}
