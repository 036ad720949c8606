/**
 * What others changed while this person was away: the tab hidden, the page closed, or the network
 * gone. What was seen last stays on the device; the difference to what is there on return is told.
 */
import { createStore } from "zustand/vanilla";
import { type Change, deviceStore, diffDocuments, type FlowDocument, finished } from "@/flow-core";
import type { EditorSession } from "./session";

export type AwaySummary = {
  /** When the person left, in milliseconds since 1970. */
  since: number;
  seq: number;
  epoch: number;
  changes: readonly Change[];
};

type Seen = { scope: string; at: number; epoch: number; seq: number; document: FlowDocument };

/** Shorter absences need no summary: one has seen it happen, nearly. */
const HIDDEN_MS = 60_000;
const OFFLINE_MS = 60_000;
const CLOSED_MS = 60_000;

export class Away {
  readonly store = createStore<{ summary: AwaySummary | null }>()(() => ({ summary: null }));
  private left: Seen | null = null;
  private offlineSince: number | null = null;
  private isOpened = false;
  private readonly stop: () => void;

  constructor(
    private readonly session: EditorSession,
    private readonly scope: string,
  ) {
    this.stop = session.provider.subscribe(() => this.onConnection());
  }

  /** The tab goes into the background, or goes for good. */
  leave(): void {
    if (!this.isOpened) return;
    this.left = this.now();
    void this.keep(this.left);
  }

  comeBack(): void {
    const left = this.left;
    this.left = null;
    if (left && Date.now() - left.at > HIDDEN_MS) this.tell(left, this.session.live.snapshot.document);
  }

  dismiss(): void {
    this.store.setState({ summary: null });
  }

  destroy(): void {
    this.leave();
    this.stop();
  }

  private onConnection(): void {
    const { provider, recorder } = this.session;
    if (!this.isOpened && provider.isSynced) {
      this.isOpened = true;
      void this.onOpened();
    }
    const isOffline = provider.connection.state === "offline";
    if (isOffline) this.offlineSince ??= Date.now();
    else if (provider.isSynced && this.offlineSince !== null) {
      const since = this.offlineSince;
      this.offlineSince = null;
      // The answer to the first question after the break is all that others did meanwhile.
      const came = recorder.outside;
      if (came && came.at >= since && Date.now() - since > OFFLINE_MS) {
        this.tell({ ...this.now(), at: since, document: came.before }, came.after);
      }
    }
  }

  private async onOpened(): Promise<void> {
    const document = this.session.live.snapshot.document;
    const seen = await this.lastSeen();
    if (seen && Date.now() - seen.at > CLOSED_MS) this.tell(seen, document);
    await this.keep(this.now());
  }

  private tell(left: Seen, document: FlowDocument): void {
    const { recorder } = this.session;
    const changes = diffDocuments(left.document, document, { isText: recorder.isText });
    if (changes.length === 0) return;
    const { at: since, seq, epoch } = left;
    this.store.setState({ summary: { since, seq, epoch, changes } });
  }

  private now(): Seen {
    const { provider, live } = this.session;
    return { scope: this.scope, at: Date.now(), ...provider.position, document: live.snapshot.document };
  }

  private async keep(seen: Seen): Promise<void> {
    try {
      const store = await deviceStore("seen", "readwrite");
      await finished(store.put(seen));
    } catch {
      // A browser that keeps nothing has no summary after a reload.
    }
  }

  private async lastSeen(): Promise<Seen | null> {
    try {
      const store = await deviceStore("seen", "readonly");
      return ((await finished(store.get(this.scope))) as Seen | undefined) ?? null;
    } catch {
      return null;
    }
  }
}
