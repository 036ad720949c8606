/** The undo steps of this tab, kept over a reload of the page. */
import type { UndoMemory } from "@/flow-core";

export function undoMemory(scope: string): UndoMemory {
  const key = `sage.undo.${scope}`;
  return {
    load(): string | null {
      try {
        return sessionStorage.getItem(key);
      } catch {
        return null;
      }
    },
    save(text: string): void {
      try {
        sessionStorage.setItem(key, text);
      } catch {
        // Full or forbidden: undo then lasts as long as the page.
        sessionStorage.removeItem(key);
      }
    },
  };
}
