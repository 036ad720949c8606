/** What a link shows, as React Flow wants it. Nodes stand at absolute places, containers behind what is in them. */
import type { Edge, Node } from "@xyflow/react";
import type { Category, SharedFlow } from "@/lib/api";

export type Card = Node<
  { name: string; typeName: string; icon: string; category: Category; disabled: boolean },
  "card"
>;
export type Box = Node<{ name: string; category: Category }, "box">;
export type Note = Node<{ text: string; color: string }, "note">;
export type Drawn = Card | Box | Note;

export const CARD = { width: 164, height: 72 } as const;
const NOTE = { width: 184, height: 112 } as const;

export function drawnNodes(flow: SharedFlow, language: "en" | "zh"): Drawn[] {
  const parents = new Set(flow.nodes.map((node) => node.parent).filter(Boolean));
  const notes = flow.notes.map((note): Drawn => {
    const [width = NOTE.width, height = NOTE.height] = note.size ?? [];
    const data = { text: note.text, color: note.color ?? "yellow" };
    return { id: `note:${note.id}`, type: "note", position: at(note.pos), data, width, height, zIndex: 0 };
  });
  const nodes = flow.nodes.map((node): Drawn => {
    const typeName = node.type_name[language] ?? node.type;
    const name = node.name || typeName;
    const category = node.category as Category;
    const position = at(node.pos);
    const [width, height] = node.size ?? [];
    if (width && height && (parents.has(node.id) || category === "control"))
      return { id: node.id, type: "box", position, data: { name, category }, width, height, zIndex: 1 };
    const data = { name, typeName, icon: node.icon, category, disabled: node.disabled ?? false };
    return { id: node.id, type: "card", position, data, ...CARD, zIndex: 3 };
  });
  return [...notes, ...nodes];
}

export function drawnEdges(flow: SharedFlow): Edge[] {
  return flow.edges.map(({ id, source, target }) => ({ id, source, target, zIndex: 2 }));
}

function at([x = 0, y = 0]: readonly number[]): { x: number; y: number } {
  return { x, y };
}
