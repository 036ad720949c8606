/** What a person does to the selection: the same from keys and from menus. */
import { useReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import { tell } from "@/components/toast";
import {
  copyText,
  type Fragment,
  fragmentOf,
  fragmentOrigin,
  insideOf,
  type Point,
  parseFragment,
  parsePatch,
} from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../collab-text";
import { bypasses } from "../components/canvas/connecting";
import { useCanEdit, useCatalogue, useEditor } from "../stores/context";
import { editorText } from "../text";

export function useNodeActions() {
  const session = useEditor();
  const { ui, operations, undo, live } = session;
  const types = useCatalogue();
  const canEdit = useCanEdit();
  const flow = useReactFlow();
  const t = useText(editorText);
  const word = useText(collabText);

  return useMemo(() => {
    const selection = () => ui.getState().selected;
    const selectedNodes = (): string[] => [...selection()].filter((id) => live.snapshot.nodesById.has(id));
    const insert = (fragment: Fragment, offset: Point): void => {
      undo.cut();
      const added = operations.insertFragment(fragment, offset);
      ui.setState({ selected: new Set([...added.nodes, ...added.notes]), selectedEdges: new Set() });
    };
    const remove = (keepConnected: boolean): void => {
      if (!canEdit) return;
      const { selected, selectedEdges } = ui.getState();
      const nodes = selectedNodes();
      const notes = [...selected].filter((id) => !live.snapshot.nodesById.has(id));
      if (nodes.length + notes.length + selectedEdges.size === 0) return;
      undo.cut();
      const [only] = nodes;
      if (keepConnected && nodes.length === 1 && only) {
        operations.bypassAndRemove(nodes, bypasses(only, live.snapshot, types));
      } else operations.remove({ nodes, notes, edges: [...selectedEdges] });
      undo.cut();
      ui.setState({ selected: new Set(), selectedEdges: new Set() });
    };
    const copy = (): Fragment | null => {
      const fragment = fragmentOf(live.snapshot.document, selection());
      if (fragment.nodes.length + fragment.notes.length === 0) return null;
      return fragment;
    };
    return {
      remove,
      /** The text of the copy, or null when nothing is selected. */
      copyAsText(): string | null {
        const fragment = copy();
        return fragment && copyText(fragment);
      },
      duplicate(): void {
        const fragment = canEdit ? copy() : null;
        if (fragment) insert(fragment, [32, 32]);
      },
      /** Whether the text was nodes; they land in the middle of what is visible. */
      paste(text: string): boolean {
        const fragment = parseFragment(text);
        const changes = fragment ? null : parsePatch(text);
        if (!fragment && !changes) return false;
        if (!canEdit) {
          tell(t("viewer.cannot_paste"));
          return true;
        }
        if (changes) {
          const { refused } = session.bringIn("paste", changes);
          if (refused.length > 0) tell(word("paste.refused", { count: refused.length }));
        }
        if (!fragment) return true;
        const origin = fragmentOrigin(fragment);
        const at = flow.screenToFlowPosition({
          x: window.innerWidth / 2 - 160,
          y: window.innerHeight / 2 - 120,
        });
        insert(fragment, [Math.round((at.x - origin[0]) / 4) * 4, Math.round((at.y - origin[1]) / 4) * 4]);
        return true;
      },
      rename(id: string): void {
        if (canEdit) ui.setState({ renaming: id });
      },
      toggleDisabled(): void {
        const ids = selectedNodes();
        if (!canEdit || ids.length === 0) return;
        const disabled = ids.some((id) => !live.snapshot.nodesById.get(id)?.disabled);
        undo.cut();
        operations.setNode(ids, "disabled", disabled || undefined);
      },
      nudge(dx: number, dy: number): void {
        if (!canEdit) return;
        const moves = new Map<string, Point>();
        for (const id of selectedNodes()) {
          const node = live.snapshot.nodesById.get(id);
          if (node) moves.set(id, [node.pos[0] + dx, node.pos[1] + dy]);
        }
        for (const id of insideOf(moves.keys(), live.snapshot.document.nodes, false)) {
          const node = live.snapshot.nodesById.get(id);
          if (node) moves.set(id, [node.pos[0] + dx, node.pos[1] + dy]);
        }
        if (moves.size > 0) operations.moveNodes(moves);
      },
      /** Walks the graph: to the next, the previous, or a neighbour above or below. */
      walk(direction: "left" | "right" | "up" | "down"): void {
        const next = neighbour(selectedNodes()[0], direction, live.snapshot.document);
        if (next) ui.setState({ selected: new Set([next]), selectedEdges: new Set() });
      },
      selectAll(): void {
        const { nodes, notes } = live.snapshot.document;
        ui.setState({ selected: new Set([...nodes, ...notes].map((item) => item.id)) });
      },
    };
  }, [session, ui, operations, undo, live, types, canEdit, flow, t, word]);
}

type Positioned = { nodes: { id: string; pos: Point }[]; edges: { source: string; target: string }[] };

function neighbour(id: string | undefined, direction: "left" | "right" | "up" | "down", flow: Positioned) {
  const from = flow.nodes.find((node) => node.id === id);
  if (!from) return flow.nodes[0]?.id;
  if (direction === "right") return flow.edges.find((edge) => edge.source === id)?.target;
  if (direction === "left") return flow.edges.find((edge) => edge.target === id)?.source;
  const sign = direction === "down" ? 1 : -1;
  const candidates = flow.nodes
    .filter((node) => (node.pos[1] - from.pos[1]) * sign > 4)
    .map((node) => ({
      id: node.id,
      distance: Math.abs(node.pos[0] - from.pos[0]) * 2 + Math.abs(node.pos[1] - from.pos[1]),
    }));
  return candidates.sort((a, b) => a.distance - b.distance)[0]?.id;
}
