/** A flow as a thumbnail: its nodes where they stand, in their category colours, and the wires between. */
import { useMemo } from "react";
import type { Category, FlowDefinition } from "@/lib/api";
import classes from "./flow-picture.module.css";

const card = { width: 164, height: 72 };

export type PictureNode = { id: string; pos?: [number, number] | undefined; category: Category };

type Placed = { id: string; x: number; y: number; category: Category };

function place(nodes: readonly PictureNode[]): Placed[] {
  return nodes.map((node, index) => ({
    id: node.id,
    category: node.category,
    x: node.pos?.[0] ?? index * (card.width + 60),
    y: node.pos?.[1] ?? 0,
  }));
}

function bounds(placed: readonly Placed[]) {
  if (placed.length === 0) return { minX: 0, minY: 0, maxX: card.width, maxY: card.height };
  const xs = placed.map((node) => node.x);
  const ys = placed.map((node) => node.y);
  return {
    minX: Math.min(...xs),
    minY: Math.min(...ys),
    maxX: Math.max(...xs) + card.width,
    maxY: Math.max(...ys) + card.height,
  };
}

type Props = {
  definition: Pick<FlowDefinition, "nodes" | "edges">;
  categoryOf: (type: string) => Category;
  label: string;
};

export function FlowPicture({ definition, categoryOf, label }: Props) {
  const placed = useMemo(
    () =>
      place(
        definition.nodes.map((node) => ({ id: node.id, pos: node.pos, category: categoryOf(node.type) })),
      ),
    [definition.nodes, categoryOf],
  );
  const at = useMemo(() => new Map(placed.map((node) => [node.id, node])), [placed]);
  const { minX, minY, maxX, maxY } = bounds(placed);
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
        const x1 = from.x + card.width;
        const y1 = from.y + card.height / 2;
        const y2 = to.y + card.height / 2;
        const bend = Math.max(30, Math.abs(to.x - x1) / 2);
        return (
          <path
            key={edge.id}
            className={classes.edge}
            d={`M${x1} ${y1}C${x1 + bend} ${y1} ${to.x - bend} ${y2} ${to.x} ${y2}`}
          />
        );
      })}
      {placed.map((node) => (
        <g key={node.id} className={`cat-${node.category}`} transform={`translate(${node.x} ${node.y})`}>
          <rect className={classes.card} width={card.width} height={card.height} rx="10" />
          <rect className={classes.tile} x="16" y="18" width="36" height="36" rx="9" />
          <rect className={classes.line} x="66" y="24" width="76" height="9" rx="4.5" />
          <rect className={classes.faint} x="66" y="42" width="50" height="8" rx="4" />
        </g>
      ))}
    </svg>
  );
}
