/** The drawing surface: React Flow shows the live document, every gesture becomes an operation. */
import {
  Background,
  BackgroundVariant,
  type Connection,
  type EdgeChange,
  type FinalConnectionState,
  MiniMap,
  type NodeChange,
  ReactFlow,
  SelectionMode,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type DragEvent, type MouseEvent, useCallback, useRef, useState } from "react";
import { containerAt, type EdgeEnds, insideOf, type Point } from "@/flow-core";
import { useText } from "@/i18n";
import { useCanEdit, useCatalogue, useEditor, useUi } from "../../stores/context";
import { editorText } from "../../text";
import { CommentLayer } from "../comments/comment-layer";
import { PresenceLayer } from "../presence/presence-layer";
import classes from "./canvas.module.css";
import { CanvasTools } from "./canvas-tools";
import { displaced, insertion, type LooseEnd, refusal } from "./connecting";
import { ConnectionLine } from "./connection-line";
import { ContainerCard } from "./container-card";
import { type CanvasEdge, FlowEdgeLine } from "./flow-edge";
import { GRID, NODE_MIME, snapped } from "./grid";
import { NodeCard } from "./node-card";
import { NoteCard } from "./note-card";
import { CARD_HEIGHT, CARD_WIDTH } from "./ports";
import { type CanvasNode, useCanvasEdges, useCanvasNodes } from "./use-canvas-items";

const nodeTypes = { card: NodeCard, container: ContainerCard, note: NoteCard };
const edgeTypes = { flow: FlowEdgeLine };

export function Canvas() {
  const { ui, operations, undo, presence, live, endDrag } = useEditor();
  const types = useCatalogue();
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const nodes = useCanvasNodes();
  const edges = useCanvasEdges();
  const tool = useUi((state) => state.tool);
  const flow = useReactFlow<CanvasNode, CanvasEdge>();
  const frame = useRef<HTMLDivElement>(null);
  // Only what is there at the start: a first node dropped on an empty canvas must not move the view.
  const [before] = useState(() => ui.getState().viewport);
  const [fitAtStart] = useState(nodes.length > 0 && !before);

  const onNodesChange = useCallback(
    (changes: NodeChange<CanvasNode>[]) => applyNodeChanges(ui, changes),
    [ui],
  );
  const onEdgesChange = useCallback(
    (changes: EdgeChange<CanvasEdge>[]) => {
      const next = new Set(ui.getState().selectedEdges);
      for (const change of changes) {
        if (change.type === "select") change.selected ? next.add(change.id) : next.delete(change.id);
      }
      ui.setState({ selectedEdges: next });
    },
    [ui],
  );

  const onDrag = useCallback(
    (_: unknown, __: unknown, dragged: CanvasNode[]) => {
      const ids = dragged.map((node) => node.id);
      const first = dragged[0];
      const from = first && originOf(live.snapshot, first.id);
      if (!first || !from) return;
      const [x, y] = absolute(flow, first);
      const start = { x: from[0], y: from[1] };
      presence.set({ drag: { ids, dx: x - from[0], dy: y - from[1], from: start } });
      const dropInto = containerUnder(flow, first, live.snapshot, types, ids) ?? null;
      if (ui.getState().dropInto !== dropInto) ui.setState({ dropInto });
    },
    [live, presence, flow, types, ui],
  );

  /** One transaction on drop; what was in flight lives in presence only. */
  const onDrop = useCallback(
    (_: unknown, __: unknown, dragged: CanvasNode[]) => {
      undo.cut();
      const ids = dragged.map((node) => node.id);
      const positions = new Map<string, Point>();
      const parents = new Map<string, string | null>();
      operations.together("move_nodes", () => {
        for (const node of dragged) {
          const [x, y] = absolute(flow, node);
          const pos: Point = [Math.round(x), Math.round(y)];
          if (node.type === "note") operations.setNote(node.id, { pos });
          else {
            positions.set(node.id, pos);
            parents.set(node.id, containerUnder(flow, node, live.snapshot, types, ids) ?? null);
          }
        }
        operations.moveNodes(withInside(positions, live.snapshot));
        operations.setParents(parents);
      });
      undo.cut();
      ui.setState({ dragging: null, dropInto: null });
      endDrag();
    },
    [operations, undo, ui, endDrag, flow, live, types],
  );

  const isValid = useCallback(
    (connection: Connection | CanvasEdge) => refusal(endsOf(connection), live.snapshot, types) === null,
    [live, types],
  );
  const onConnect = useCallback(
    (connection: Connection) => {
      const ends = endsOf(connection);
      undo.cut();
      operations.reconnect(displaced(ends, live.snapshot, types), ends);
    },
    [operations, undo, live, types],
  );

  const onConnectStart = useCallback(() => frame.current?.setAttribute("data-connecting", ""), []);
  const onConnectEnd = useCallback(
    (event: globalThis.MouseEvent | TouchEvent, state: FinalConnectionState) => {
      frame.current?.removeAttribute("data-connecting");
      if (state.isValid || state.toHandle || !state.fromHandle || !canEdit) return;
      const point = "changedTouches" in event ? event.changedTouches[0] : event;
      if (!point) return;
      const from: LooseEnd = {
        node: state.fromHandle.nodeId,
        port: state.fromHandle.id ?? "",
        side: state.fromHandle.type,
      };
      const at = flow.screenToFlowPosition({ x: point.clientX, y: point.clientY });
      openPicker(ui, at, point, parentAt(at, live.snapshot, types), from);
    },
    [canEdit, flow, ui, live, types],
  );

  const onDoubleClick = (event: MouseEvent): void => {
    const target = event.target as Element;
    const isFree =
      target.classList.contains("react-flow__pane") || target.hasAttribute("data-container-body");
    if (!canEdit || !isFree) return;
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    openPicker(ui, at, event, parentAt(at, live.snapshot, types));
  };

  const onDropNew = (event: DragEvent): void => {
    const spec = types.get(event.dataTransfer.getData(NODE_MIME));
    if (!spec || !canEdit) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const pos = snapped([at.x - CARD_WIDTH / 2, at.y - CARD_HEIGHT / 2]);
    undo.cut();
    const onEdge = document
      .elementsFromPoint(event.clientX, event.clientY)
      .map((element) => element.closest(".react-flow__edge")?.getAttribute("data-id"))
      .find(Boolean);
    const edge = onEdge ? live.snapshot.edgesById.get(onEdge) : undefined;
    const between = edge && insertion(spec, edge, live.snapshot, types);
    const parent =
      edge && between ? live.snapshot.nodesById.get(edge.target)?.parent : parentAt(at, live.snapshot, types);
    const id =
      edge && between
        ? operations.insertNode(spec, pos, edge, between, parent)
        : operations.addNode(spec, pos, parent);
    ui.setState({ selected: new Set([id]), selectedEdges: new Set() });
  };

  const setZoom = useCallback((zoom: number) => {
    const element = frame.current;
    if (!element) return;
    element.style.setProperty("--zoom", String(zoom));
    const lod = zoom >= 0.7 ? "full" : zoom >= 0.35 ? "title" : "block";
    if (element.dataset.lod !== lod) element.dataset.lod = lod;
  }, []);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the pointer over the surface is shown to others.
    <div
      ref={frame}
      className={classes.canvas}
      data-lod="full"
      data-testid="canvas"
      onMouseMove={(event) =>
        presence.set({
          cursor: roundPoint(flow.screenToFlowPosition({ x: event.clientX, y: event.clientY })),
        })
      }
      onMouseLeave={() => presence.set({ cursor: null })}
      onDoubleClick={onDoubleClick}
      onDragOver={(event) => {
        if (canEdit && event.dataTransfer.types.includes(NODE_MIME)) event.preventDefault();
      }}
      onDrop={onDropNew}
    >
      <ReactFlow<CanvasNode, CanvasEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeDrag={onDrag}
        onNodeDragStop={onDrop}
        onSelectionDrag={(event, dragged) => onDrag(event, null, dragged)}
        onSelectionDragStop={(event, dragged) => onDrop(event, null, dragged)}
        onNodeDoubleClick={(event, node) => {
          const isBody = (event.target as Element).hasAttribute("data-container-body");
          if (canEdit && node.type !== "note" && !isBody) ui.setState({ renaming: node.id });
        }}
        onConnect={onConnect}
        onConnectStart={onConnectStart}
        onConnectEnd={onConnectEnd}
        isValidConnection={isValid}
        connectionLineComponent={ConnectionLine}
        connectionRadius={16}
        fitView={fitAtStart}
        fitViewOptions={{ padding: 0.12, maxZoom: 1 }}
        {...(before ? { defaultViewport: before } : {})}
        onMoveEnd={(_, viewport) => ui.setState({ viewport })}
        onMove={(_, viewport) => setZoom(viewport.zoom)}
        onInit={(instance) => setZoom(instance.getZoom())}
        nodesConnectable={canEdit}
        nodesDraggable={canEdit}
        edgesReconnectable={false}
        elevateNodesOnSelect={false}
        onlyRenderVisibleElements={nodes.length > 120}
        snapToGrid
        snapGrid={[GRID, GRID]}
        minZoom={0.1}
        maxZoom={2}
        panOnDrag={tool === "hand" ? [0, 1] : [1]}
        selectionOnDrag={tool === "pointer"}
        selectionMode={SelectionMode.Partial}
        panOnScroll
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        panActivationKeyCode="Space"
        multiSelectionKeyCode={["Shift", "Meta", "Control"]}
        selectionKeyCode={null}
        deleteKeyCode={null}
        disableKeyboardA11y
        proOptions={{ hideAttribution: true }}
        aria-label={t("canvas")}
      >
        <Background variant={BackgroundVariant.Dots} gap={16} size={1} color="var(--canvas-dot)" />
        <MiniMap<CanvasNode>
          className={classes.minimap ?? ""}
          pannable
          zoomable
          nodeColor={(node) =>
            node.type === "container"
              ? "color-mix(in srgb, var(--cat-control) 20%, transparent)"
              : node.type === "card"
                ? `var(--cat-${types.get(node.data.node.type)?.category ?? "utility"})`
                : "color-mix(in srgb, var(--warning) 30%, transparent)"
          }
          nodeBorderRadius={12}
          maskColor="color-mix(in srgb, var(--accent) 9%, transparent)"
          ariaLabel={t("minimap")}
        />
        <PresenceLayer />
        <CommentLayer />
        <CanvasTools />
      </ReactFlow>
    </div>
  );
}

type Ui = ReturnType<typeof useEditor>["ui"];

function applyNodeChanges(ui: Ui, changes: readonly NodeChange<CanvasNode>[]): void {
  const before = ui.getState();
  let { selected, dragging, resizing } = before;
  for (const change of changes) {
    if (change.type === "select") {
      const next = new Set(selected);
      if (change.selected) next.add(change.id);
      else next.delete(change.id);
      selected = next;
    } else if (change.type === "position" && change.position && change.dragging) {
      const at = change.positionAbsolute ?? change.position;
      dragging = new Map(dragging ?? []).set(change.id, [at.x, at.y]);
    } else if (change.type === "dimensions" && change.resizing && change.dimensions) {
      const { width, height } = change.dimensions;
      resizing = new Map(resizing ?? []).set(change.id, [width, height]);
    }
  }
  const isSame = selected === before.selected && dragging === before.dragging && resizing === before.resizing;
  if (!isSame) ui.setState({ selected, dragging, resizing });
}

function openPicker(
  ui: Ui,
  at: { x: number; y: number },
  screen: { clientX: number; clientY: number },
  parent: string | undefined,
  from?: LooseEnd,
): void {
  ui.setState({
    picker: {
      at: snapped([at.x, at.y]),
      parent,
      screen: [screen.clientX, screen.clientY],
      ...(from ? { from } : {}),
    },
  });
}

function roundPoint(point: { x: number; y: number }): { x: number; y: number } {
  return { x: Math.round(point.x), y: Math.round(point.y) };
}

type Flow = ReturnType<typeof useReactFlow<CanvasNode, CanvasEdge>>;
type Snapshot = ReturnType<typeof useEditor>["live"]["snapshot"];

/** Where a node stands on the canvas, whatever container it is drawn in. */
function absolute(flow: Flow, node: CanvasNode): Point {
  const at = flow.getInternalNode(node.id)?.internals.positionAbsolute ?? node.position;
  return [at.x, at.y];
}

function parentAt(
  at: { x: number; y: number },
  snapshot: Snapshot,
  types: ReturnType<typeof useCatalogue>,
): string | undefined {
  return containerAt([at.x, at.y], snapshot.document.nodes, types);
}

/** The container under the middle of a dragged node's head; nothing goes into itself. */
function containerUnder(
  flow: Flow,
  node: CanvasNode,
  snapshot: Snapshot,
  types: ReturnType<typeof useCatalogue>,
  dragged: readonly string[],
): string | undefined {
  const [x, y] = absolute(flow, node);
  const width = node.width ?? CARD_WIDTH;
  const at: Point = [x + width / 2, y + Math.min(node.height ?? CARD_HEIGHT, CARD_HEIGHT) / 2];
  return containerAt(at, snapshot.document.nodes, types, insideOf(dragged, snapshot.document.nodes));
}

/** What is inside a moved container moves with it. */
function withInside(positions: ReadonlyMap<string, Point>, snapshot: Snapshot): Map<string, Point> {
  const all = new Map(positions);
  for (const [id, [x, y]] of positions) {
    const from = snapshot.nodesById.get(id)?.pos;
    if (!from) continue;
    for (const inner of insideOf([id], snapshot.document.nodes, false)) {
      const pos = snapshot.nodesById.get(inner)?.pos;
      if (pos && !positions.has(inner)) all.set(inner, [pos[0] + x - from[0], pos[1] + y - from[1]]);
    }
  }
  return all;
}

function originOf(snapshot: ReturnType<typeof useEditor>["live"]["snapshot"], id: string): Point | undefined {
  return snapshot.nodesById.get(id)?.pos ?? snapshot.document.notes.find((note) => note.id === id)?.pos;
}

function endsOf(connection: Connection | CanvasEdge): EdgeEnds {
  return {
    source: connection.source,
    source_port: connection.sourceHandle ?? "",
    target: connection.target,
    target_port: connection.targetHandle ?? "",
  };
}
