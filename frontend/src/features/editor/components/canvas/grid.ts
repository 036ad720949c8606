import type { Point } from "@/flow-core";

/** Positions are multiples of this. */
export const GRID = 4;

/** What a drag from the library carries: the id of a node type. */
export const NODE_MIME = "application/x-sage-node";

export function snapped([x, y]: Point): Point {
  return [Math.round(x / GRID) * GRID, Math.round(y / GRID) * GRID];
}
