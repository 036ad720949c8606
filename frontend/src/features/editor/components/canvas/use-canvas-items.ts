/** The document as React Flow wants it. An item that did not change keeps its identity. */
import { useMemo, useRef } from "react";
import {
  containerSize,
  containersOf,
  type FlowEdge,
  type FlowNode,
  type NodeSpec,
  type NodeTypes,
  noteShape,
  type Point,
  parentIn,
} from "@/flow-core";
import { useCanEdit, useCatalogue, useFlow, usePresence, useUi } from "../../stores/context";
import type { ContainerNode } from "./container-card";
import type { CanvasEdge } from "./flow-edge";
import type { CardNode } from "./node-card";
import type { NoteNode } from "./note-card";
import { CARD_WIDTH, layoutContainer, layoutPorts } from "./ports";

export type CanvasNode = CardNode | ContainerNode | NoteNode;

type Cached = { key: string; source: unknown; item: CanvasNode };

export function useCanvasNodes(): CanvasNode[] {
  const nodes = useFlow((flow) => flow.document.nodes);
  const edges = useFlow((flow) => flow.document.edges);
  const notes = useFlow((flow) => flow.document.notes);
  const selected = useUi((state) => state.selected);
  const dragging = useUi((state) => state.dragging);
  const resizing = useUi((state) => state.resizing);
  const drags = usePresence((state) => state.drags);
  const types = useCatalogue();
  const canEdit = useCanEdit();
  const cache = useRef(new Map<string, Cached>());
  const wired = useMemo(() => wiredPorts(edges), [edges]);

  return useMemo(() => {
    const shift = new Map(drags.flatMap((drag) => drag.ids.map((id) => [id, drag] as const)));
    for (const drag of drags) {
      // Once the document has the new place, what is left of the drag would be added to it.
      const first = nodes.find((node) => node.id === drag.ids[0]);
      const isOver = first && drag.from && (first.pos[0] !== drag.from.x || first.pos[1] !== drag.from.y);
      if (isOver) for (const id of drag.ids) shift.delete(id);
    }
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
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const occupied = new Set(nodes.map((node) => node.parent));
    // React Flow wants a child's place from its container's corner, and a container before what is in it.
    const cards = outermostFirst(nodes, byId).map((node): CanvasNode => {
      const ports = wired.get(node.id);
      const container = node.parent === undefined ? undefined : byId.get(node.parent);
      const [left, top] = container?.pos ?? [0, 0];
      const [x, y] = place(node.id, node.pos);
      const at: Point = [x - left, y - top];
      const isSelected = selected.has(node.id);
      const spec = types.get(node.type);
      const size = spec?.body ? (resizing?.get(node.id) ?? containerSize(node)) : undefined;
      const isEmpty = !occupied.has(node.id);
      const key = `${at},${isSelected},${canEdit},${spec ? 1 : 0},${ports?.key ?? ""},${size ?? ""},${isEmpty},${node.parent ?? ""}`;
      return keep(node.id, node, key, () => ({
        ...(spec && size
          ? containerOf(node, spec, at, size, isSelected, canEdit, ports, isEmpty)
          : cardOf(node, types, at, isSelected, canEdit, ports)),
        ...(container ? { parentId: container.id } : {}),
      }));
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
  }, [nodes, notes, selected, dragging, resizing, drags, types, canEdit, wired]);
}

function outermostFirst(nodes: readonly FlowNode[], byId: ReadonlyMap<string, FlowNode>): FlowNode[] {
  if (nodes.every((node) => node.parent === undefined)) return [...nodes];
  const depth = new Map(nodes.map((node) => [node.id, containersOf(node.id, parentIn(byId)).length]));
  return [...nodes].sort((a, b) => (depth.get(a.id) ?? 0) - (depth.get(b.id) ?? 0));
}

function containerOf(
  node: FlowNode,
  spec: NodeSpec,
  [x, y]: Point,
  [width, height]: Point,
  selected: boolean,
  canEdit: boolean,
  wired: Wired | undefined,
  isEmpty: boolean,
): ContainerNode {
  const layout = layoutContainer(node, spec, [width, height], wired ?? { in: [], out: [] });
  return {
    id: node.id,
    type: "container",
    position: { x, y },
    data: { node, ports: layout.ports, head: layout.head, width, height, isEmpty },
    selected,
    draggable: canEdit,
    connectable: canEdit,
    width,
    height,
    measured: { width, height },
    handles: layout.handles,
  };
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
