/** The way a connection takes: a curve forwards; backwards with right angles, between the rows of cards. */
import { type EdgeProps, getBezierPath, getSmoothStepPath } from "@xyflow/react";

type Ends = Pick<
  EdgeProps,
  "sourceX" | "sourceY" | "sourcePosition" | "targetX" | "targetY" | "targetPosition"
>;

/** Less than this between the ports' heights and there is no row gap to pass through. */
const ROW_GAP = 110;
const CORNER = 10;
const STUB = 18;

/** The SVG path and the middle where the label stands. */
export function edgePath(ends: Ends): { path: string; labelX: number; labelY: number } {
  const backwards = ends.targetX < ends.sourceX && Math.abs(ends.targetY - ends.sourceY) > ROW_GAP;
  const [path, labelX, labelY] = backwards
    ? getSmoothStepPath({ ...ends, borderRadius: CORNER, offset: STUB })
    : getBezierPath({ ...ends, curvature: 0.3 });
  return { path, labelX, labelY };
}
