/** Tells each of this page's own transactions as changes of the flow. */
import type * as Y from "yjs";
import { type Change, diffDocuments } from "./changes";
import type { LiveFlow } from "./live-flow";
import type { FlowDocument } from "./projection";
import { type FlowRoots, sharedText } from "./schema";

export type Recorded = { changes: readonly Change[]; origin: unknown };

export class ChangeRecorder {
  private before: FlowDocument;
  private latest: readonly Change[] = [];
  private readonly listeners = new Set<(recorded: Recorded) => void>();
  /** Around the newest change that came from outside. */
  outside: { before: FlowDocument; after: FlowDocument; at: number } | null = null;

  /** After `live` in the order of listeners: its snapshot must be the transaction's. */
  constructor(
    private readonly roots: FlowRoots,
    private readonly live: LiveFlow,
  ) {
    this.before = live.snapshot.document;
    roots.doc.on("beforeTransaction", this.onBefore);
    roots.doc.on("afterTransaction", this.onAfter);
  }

  subscribe(listener: (recorded: Recorded) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The changes of the transaction whose update is being told right now. */
  get newest(): readonly Change[] {
    return this.latest;
  }

  isText = (node: string, field: string): boolean => sharedText(this.roots, node, field) !== undefined;

  destroy(): void {
    this.roots.doc.off("beforeTransaction", this.onBefore);
    this.roots.doc.off("afterTransaction", this.onAfter);
    this.listeners.clear();
  }

  private onBefore = (): void => {
    this.before = this.live.snapshot.document;
  };

  private onAfter = (transaction: Y.Transaction): void => {
    const after = this.live.snapshot.document;
    if (!transaction.local) {
      if (after !== this.before) this.outside = { before: this.before, after, at: Date.now() };
      return;
    }
    const drawn = [...transaction.changed].find(([type]) => Object.is(type, this.roots.edges))?.[1];
    const edges = new Set([...(drawn ?? [])].filter((key) => key !== null));
    this.latest =
      after === this.before ? [] : diffDocuments(this.before, after, { isText: this.isText, edges });
    if (this.latest.length === 0) return;
    for (const listener of this.listeners) listener({ changes: this.latest, origin: transaction.origin });
  };
}
