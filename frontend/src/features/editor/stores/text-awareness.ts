/**
 * The presence of one text field, in the shape the CodeMirror binding expects. The binding keeps
 * its caret under `cursor`; ours is the pointer on the canvas, so the caret travels in `editing`.
 */
import type { Awareness } from "y-protocols/awareness";
import { colorOf, isObject } from "@/flow-core";

type Caret = { anchor: unknown; head: unknown } | null;

export function textAwareness(awareness: Awareness, node: string, field: string) {
  const listeners = new Set<(change: unknown, origin: unknown) => void>();
  const forward = (change: unknown, origin: unknown): void => {
    for (const listener of listeners) listener(change, origin);
  };
  awareness.on("change", forward);
  const isHere = (editing: unknown): editing is { anchor?: unknown; head?: unknown } =>
    isObject(editing) && editing.node === node && editing.field === field;
  const read = (state: Record<string, unknown>): Record<string, unknown> => {
    const editing = state.editing;
    const user = isObject(state.user) ? state.user : {};
    const color = colorOf({ color: Number(user.color ?? 0) });
    return {
      user: {
        name: String(user.name ?? ""),
        color,
        colorLight: `color-mix(in srgb, ${color} 22%, transparent)`,
      },
      cursor: isHere(editing) && editing.anchor ? { anchor: editing.anchor, head: editing.head } : null,
    };
  };
  return {
    doc: awareness.doc,
    get clientID(): number {
      return awareness.clientID;
    },
    get states() {
      return this.getStates();
    },
    getStates(): Map<number, Record<string, unknown>> {
      return new Map([...awareness.getStates()].map(([id, state]) => [id, read(state)]));
    },
    getLocalState(): Record<string, unknown> | null {
      const state = awareness.getLocalState();
      return state && read(state);
    },
    setLocalStateField(key: string, value: Caret): void {
      if (key !== "cursor") return;
      const editing = awareness.getLocalState()?.editing;
      if (value)
        awareness.setLocalStateField("editing", { node, field, anchor: value.anchor, head: value.head });
      else if (isHere(editing)) awareness.setLocalStateField("editing", null);
    },
    on(_event: string, listener: (change: unknown, origin: unknown) => void): void {
      listeners.add(listener);
    },
    off(_event: string, listener: (change: unknown, origin: unknown) => void): void {
      listeners.delete(listener);
    },
    destroy(): void {
      awareness.off("change", forward);
    },
  };
}
