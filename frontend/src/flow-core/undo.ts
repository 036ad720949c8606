/** Undo of one's own changes only; one gesture is one step. */
import * as Y from "yjs";
import { LocalOrigin } from "./operations";
import type { FlowRoots } from "./schema";

export type UndoState = { canUndo: boolean; canRedo: boolean };

export class FlowUndo {
  private readonly manager: Y.UndoManager;

  constructor(roots: FlowRoots) {
    this.manager = new Y.UndoManager([roots.nodes, roots.edges, roots.notes, roots.meta], {
      trackedOrigins: new Set([LocalOrigin]),
      captureTimeout: 500,
    });
  }

  get state(): UndoState {
    return { canUndo: this.manager.undoStack.length > 0, canRedo: this.manager.redoStack.length > 0 };
  }

  /** Ends a gesture: what follows is a step of its own. */
  cut(): void {
    this.manager.stopCapturing();
  }

  undo(): void {
    this.manager.undo();
  }

  redo(): void {
    this.manager.redo();
  }

  subscribe(listener: () => void): () => void {
    const events = ["stack-item-added", "stack-item-popped", "stack-cleared"] as const;
    for (const event of events) this.manager.on(event, listener);
    return () => {
      for (const event of events) this.manager.off(event, listener);
    };
  }

  destroy(): void {
    this.manager.destroy();
  }
}
