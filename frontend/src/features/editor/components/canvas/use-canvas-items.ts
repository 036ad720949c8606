/** The document as React Flow wants it. An item that did not change keeps its identity. */
import { useMemo, useRef } from "react";
import { type FlowEdge, type FlowNode, type NodeTypes, noteShape, type Point } from "@/flow-core";
import { useCanEdit, useCatalogue, useFlow, usePresence, useUi } from "../../stores/context";
import type { CanvasEdge } from "./flow-edge";
import type { CardNode } from "./node-card";
import type { NoteNode } from "./note-card";
import { CARD_WIDTH, layoutPorts } from "./ports";

export type CanvasNode = CardNode | NoteNode;

type Cached = { key: string; source: unknown; item: CanvasNode };

export function useCanvasNodes(): CanvasNode[] {
  const nodes = useFlow((flow) => flow.document.nodes);
  const edges = useFlow((flow) => flow.document.edges);
  const notes = useFlow((flow) => flow.document.notes);
  const selected = useUi((state) => state.selected);
  const dragging = useUi((state) => state.dragging);
  const drags = usePresence((state) => state.drags);
  const types = useCatalogue();
  const canEdit = useCanEdit();
  const cache = useRef(new Map<string, Cached>());
  const wired = useMemo(() => wiredPorts(edges), [edges]);

  return useMemo(() => {
    const shift = new Map(drags.flatMap((drag) => drag.ids.map((id) => [id, drag] as const)));
    const place = (id: string, pos: Point): Point => {
      const own = dragging?.get(id);
      if (own) return own;
      const by = shift.get(id);
      return by ? [pos[0] + by.dx, pos[1] + by.dy] : pos;
    };
    const keep = (id: string, source: unknown, key: string, make: () => CanvasNode): CanvasNode => {
      const known = cache.current.get(id);
      if (known && known.source === source && known.key === key) return known.item;
      const item = make();
      cache.current.set(id, { key, source, item });
      return item;
    };
    const cards = nodes.map((node) => {
      const ports = wired.get(node.id);
      const [x, y] = place(node.id, node.pos);
      const isSelected = selected.has(node.id);
      const known = types.get(node.type) ? 1 : 0;
      const key = `${x},${y},${isSelected},${canEdit},${known},${ports?.key ?? ""}`;
      return keep(node.id, node, key, () => cardOf(node, types, [x, y], isSelected, canEdit, ports));
    });
    const stickies = notes.map((raw) => {
      const note = noteShape(raw);
      const [x, y] = place(note.id, note.pos);
      const isSelected = selected.has(note.id);
      return keep(note.id, raw, `${x},${y},${isSelected},${canEdit}`, () => ({
        id: note.id,
        type: "note",
        position: { x, y },
        data: { note },
        selected: isSelected,
        draggable: canEdit,
        zIndex: -1,
        width: note.size[0],
        height: note.size[1],
        measured: { width: note.size[0], height: note.size[1] },
      }));
    });
    return [...stickies, ...cards];
  }, [nodes, notes, selected, dragging, drags, types, canEdit, wired]);
}

type Wired = { in: string[]; out: string[]; key: string };

function wiredPorts(edges: readonly FlowEdge[]): Map<string, Wired> {
  const wired = new Map<string, Wired>();
  const of = (id: string): Wired => {
    const entry = wired.get(id) ?? { in: [], out: [], key: "" };
    wired.set(id, entry);
    return entry;
  };
  for (const edge of edges) {
    const source = of(edge.source);
    if (!source.out.includes(edge.source_port)) source.out.push(edge.source_port);
    const target = of(edge.target);
    if (!target.in.includes(edge.target_port)) target.in.push(edge.target_port);
  }
  for (const entry of wired.values()) entry.key = `${entry.in.sort().join()}|${entry.out.sort().join()}`;
  return wired;
}

function cardOf(
  node: FlowNode,
  types: NodeTypes,
  [x, y]: Point,
  selected: boolean,
  canEdit: boolean,
  wired: Wired | undefined,
): CardNode {
  const layout = layoutPorts(node, types.get(node.type), wired?.in ?? [], wired?.out ?? []);
  return {
    id: node.id,
    type: "card",
    position: { x, y },
    data: { node, ports: layout.ports, height: layout.height },
    selected,
    draggable: canEdit,
    connectable: canEdit,
    width: CARD_WIDTH,
    height: layout.height,
    measured: { width: CARD_WIDTH, height: layout.height },
    handles: layout.handles,
  };
}

export function useCanvasEdges(): CanvasEdge[] {
  const edges = useFlow((flow) => flow.document.edges);
  const selected = useUi((state) => state.selectedEdges);
  const cache = useRef(new Map<string, { source: FlowEdge; item: CanvasEdge }>());
  return useMemo(
    () =>
      edges.map((edge) => {
        const isSelected = selected.has(edge.id);
        const known = cache.current.get(edge.id);
        if (known && known.source === edge && known.item.selected === isSelected) return known.item;
        const item: CanvasEdge = {
          id: edge.id,
          type: "flow",
          source: edge.source,
          target: edge.target,
          sourceHandle: edge.source_port,
          targetHandle: edge.target_port,
          selected: isSelected,
          data: { edge },
        };
        cache.current.set(edge.id, { source: edge, item });
        return item;
      }),
    [edges, selected],
  );
}

export type NodeLike = Pick<FlowNode, "id" | "pos">;
