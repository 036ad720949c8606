/** A flow as a thumbnail: its nodes where they stand, in their category colours, and the wires between. */
import { useMemo } from "react";
import type { Category, FlowDefinition } from "@/lib/api";
import classes from "./flow-picture.module.css";

export type PictureNode = { id: string; pos?: [number, number] | undefined; category: Category };
type Placed = { id: string; x: number; y: number; category: Category };
type Size = { width: number; height: number; gap: number };

/** Long flows are drawn with smaller cards, so that something of them can still be seen in a thumbnail. */
const full: Size = { width: 164, height: 72, gap: 60 };
const small: Size = { width: 92, height: 64, gap: 34 };
const manyColumns = 6;
/** Nodes this near in x stand in one column. */
const columnWidth = 120;

/** Where each column begins, from left to right. */
function columnsOf(nodes: readonly PictureNode[]): number[] {
  const starts: number[] = [];
  for (const x of nodes.map((node) => node.pos?.[0] ?? 0).sort((a, b) => a - b)) {
    const last = starts.at(-1);
    if (last === undefined || x - last > columnWidth) starts.push(x);
  }
  return starts;
}

/** Columns keep their order and lose their empty space; heights stay as they are drawn. */
function place(nodes: readonly PictureNode[]): { placed: Placed[]; size: Size } {
  const columns = columnsOf(nodes);
  const size = columns.length > manyColumns ? small : full;
  const placed = nodes.map((node) => {
    const x = node.pos?.[0] ?? 0;
    const column = columns.findLastIndex((start) => start <= x);
    return {
      id: node.id,
      category: node.category,
      x: column * (size.width + size.gap),
      y: node.pos?.[1] ?? 0,
    };
  });
  return { placed, size };
}

function bounds(placed: readonly Placed[], size: Size) {
  if (placed.length === 0) return { minX: 0, minY: 0, maxX: size.width, maxY: size.height };
  const xs = placed.map((node) => node.x);
  const ys = placed.map((node) => node.y);
  return {
    minX: Math.min(...xs),
    minY: Math.min(...ys),
    maxX: Math.max(...xs) + size.width,
    maxY: Math.max(...ys) + size.height,
  };
}

type Props = {
  definition: Pick<FlowDefinition, "nodes" | "edges">;
  categoryOf: (type: string) => Category;
  label: string;
};

/** A curve forwards; a way back to another row runs between the rows, as on the canvas. */
function edgeLine(x1: number, y1: number, x2: number, y2: number): string {
  if (x2 < x1 && Math.abs(y2 - y1) > full.height)
    return `M${x1} ${y1}h18V${(y1 + y2) / 2}H${x2 - 18}V${y2}h18`;
  const bend = x2 > x1 ? (x2 - x1) / 2 : 36;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

export function FlowPicture({ definition, categoryOf, label }: Props) {
  const { placed, size } = useMemo(
    () =>
      place(
        definition.nodes.map((node) => ({ id: node.id, pos: node.pos, category: categoryOf(node.type) })),
      ),
    [definition.nodes, categoryOf],
  );
  const at = useMemo(() => new Map(placed.map((node) => [node.id, node])), [placed]);
  const { minX, minY, maxX, maxY } = bounds(placed, size);
  const width = Math.max(maxX - minX, 700);
  const height = Math.max(maxY - minY, 220);
  const box = [
    minX - (width - (maxX - minX)) / 2 - 40,
    minY - (height - (maxY - minY)) / 2 - 40,
    width + 80,
    height + 80,
  ];
  return (
    <svg
      className={classes.picture}
      viewBox={box.join(" ")}
      role="img"
      aria-label={label}
      preserveAspectRatio="xMidYMid meet"
    >
      {definition.edges.map((edge) => {
        const from = at.get(edge.source);
        const to = at.get(edge.target);
        if (!from || !to) return null;
        const x1 = from.x + size.width;
        const y1 = from.y + size.height / 2;
        const y2 = to.y + size.height / 2;
        return <path key={edge.id} className={classes.edge} d={edgeLine(x1, y1, to.x, y2)} />;
      })}
      {placed.map((node) => (
        <g key={node.id} className={`cat-${node.category}`} transform={`translate(${node.x} ${node.y})`}>
          <rect className={classes.card} width={size.width} height={size.height} rx="10" />
          <rect className={classes.tile} x="16" y={size.height / 2 - 18} width="36" height="36" rx="9" />
          <rect
            className={classes.line}
            x="64"
            y={size.height / 2 - 12}
            width={size.width - 80}
            height="9"
            rx="4.5"
          />
          <rect
            className={classes.faint}
            x="64"
            y={size.height / 2 + 5}
            width={(size.width - 80) * 0.66}
            height="8"
            rx="4"
          />
        </g>
      ))}
    </svg>
  );
}
