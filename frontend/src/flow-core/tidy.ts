/**
 * A layered layout from left to right: each node stands one column after the last node it waits
 * for, columns are ordered by where their neighbours stand (barycentres, a few sweeps).
 */

import type { Point } from "./document";
import type { FlowDocument } from "./projection";

const COLUMN = 232;
const ROW = 108;
const SWEEPS = 6;

export function tidyPositions(document: Pick<FlowDocument, "nodes" | "edges">): Map<string, Point> {
  const before = neighbours(document, "source", "target");
  const after = neighbours(document, "target", "source");
  const columns = layered(document, before);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    order(columns, forward ? before : after, forward);
  }
  return positions(columns);
}

type Neighbours = ReadonlyMap<string, readonly string[]>;

function neighbours(
  { nodes, edges }: Pick<FlowDocument, "nodes" | "edges">,
  from: "source" | "target",
  of: "source" | "target",
): Neighbours {
  const result = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const edge of edges) result.get(edge[of])?.push(edge[from]);
  return result;
}

function layered({ nodes }: Pick<FlowDocument, "nodes">, before: Neighbours): string[][] {
  const depth = new Map<string, number>();
  const byRow = [...nodes].sort((a, b) => a.pos[1] - b.pos[1]);
  // The projection is acyclic, so as many rounds as nodes settle every depth.
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

function order(columns: string[][], towards: Neighbours, forward: boolean): void {
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

function positions(columns: readonly string[][]): Map<string, Point> {
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const result = new Map<string, Point>();
  columns.forEach((column, x) => {
    const top = Math.round(((tallest - column.length) * ROW) / 2 / 4) * 4;
    column.forEach((id, y) => {
      result.set(id, [x * COLUMN, top + y * ROW]);
    });
  });
  return result;
}
