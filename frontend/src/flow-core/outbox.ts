/**
 * This person's changes on their way to the server's disk: batched, kept on the device until
 * acknowledged, taken over from tabs that are gone, carried to a new lineage of the document, and
 * held back for the person when the server will never take them.
 */
import * as Y from "yjs";
import { type Change, joined } from "./changes";
import type { HeldReason, PendingStore, PendingUpdate } from "./pending-store";
import { alone, holdTabLock, livingTabs, TAB } from "./tab-lock";

/** `frame` is the number of the frame that carries it on this connection. */
export type Open = PendingUpdate & { frame: number | null };

export type OutboxOptions = {
  doc: Y.Doc;
  store: PendingStore;
  /** The update being told right now, in words of the flow. */
  changesNow: () => readonly Change[];
  /** Writes changes of another lineage into this document; returns what no longer fits. */
  carryOver: (changes: readonly Change[]) => readonly Change[];
  ready: Promise<void>;
  changed: () => void;
};

/** Marks updates that come from the device's memory; they are on their way already. */
export const RESENT = Symbol("resent");
/** Where the browser does not tell which tabs live: a live one gets its acknowledgement within this. */
const ABANDONED_MS = 15_000;
const MAX_MISFITS = 5;

export class Outbox {
  open: Open[] = [];
  held: PendingUpdate[] = [];
  /** False when the browser refuses to keep anything: closing the page would lose what is open. */
  keepsOnDevice = true;
  private queue: { update: Uint8Array; changes: readonly Change[] }[] = [];
  private readonly misfits = new Map<string, number>();
  private adopting = false;
  private looked = false;

  constructor(private readonly options: OutboxOptions) {
    holdTabLock();
  }

  get waiting(): number {
    return this.open.length + (this.queue.length > 0 ? 1 : 0);
  }

  /** Whether what an earlier page left has been looked for. */
  get hasLooked(): boolean {
    return this.looked;
  }

  add(update: Uint8Array): void {
    this.queue.push({ update, changes: this.options.changesNow() });
  }

  /** Ends the batch: from here on it is kept on the device. */
  close(epoch: number): Open | null {
    if (this.queue.length === 0) return null;
    const queue = this.queue;
    this.queue = [];
    const at = Date.now();
    const open: Open = {
      id: `${at.toString(36)}-${crypto.randomUUID()}`,
      at,
      epoch,
      update: merged(queue.map((item) => item.update)),
      changes: queue.reduce<readonly Change[]>((all, item) => joined(all, item.changes), []),
      frame: null,
      tab: TAB,
    };
    this.open.push(open);
    this.keep(open);
    return open;
  }

  sentAll(frame: number): void {
    for (const open of this.open) open.frame = frame;
  }

  disconnected(): void {
    for (const open of this.open) open.frame = null;
  }

  acknowledged(frames: number): boolean {
    const done = this.open.filter((open) => open.frame !== null && open.frame <= frames);
    if (done.length === 0) return false;
    this.open = this.open.filter((open) => !done.includes(open));
    void this.forget(done);
    return true;
  }

  /** The server will not take these: they stay on the device until the person has decided. */
  hold(reason: HeldReason, which: readonly Open[] = this.open): void {
    this.open = this.open.filter((open) => !which.includes(open));
    for (const { frame: _, ...item } of which) {
      const held = { ...item, held: reason };
      this.held.push(held);
      this.keep(held);
    }
  }

  dropHeld(): void {
    void this.forget(this.held);
    this.held = [];
  }

  /** Only what can be offered, for a page that never gets to the document. */
  async look(): Promise<void> {
    const kept = await this.load();
    this.held = kept;
    this.options.changed();
  }

  /**
   * Takes over what an earlier page, or a tab that is gone, left behind, and returns what is to be
   * sent. The first time everything; later only what nobody has acknowledged for a while. The
   * document is in step with the server.
   */
  async adopt(epoch: number, mayEdit: boolean, isAlive: () => boolean): Promise<Open[]> {
    if (this.adopting) return [];
    this.adopting = true;
    const first = !this.looked;
    const [kept, living] = await Promise.all([this.load(), livingTabs()]);
    this.adopting = false;
    this.looked = true;
    if (!isAlive()) return [];
    const isLeft = (item: PendingUpdate): boolean =>
      living && item.tab ? !living.has(item.tab) : Date.now() - item.at > ABANDONED_MS;
    const fresh = kept.filter((item) => first || item.held || isLeft(item));
    this.held.push(...fresh.filter((item) => item.held));
    // Bytes of this lineage do no harm twice. Words do: a living tab carries its own over itself.
    const isOthers = (item: PendingUpdate): boolean => item.tab !== TAB && !isLeft(item);
    const usable = fresh.filter((item) => !item.held && (item.epoch === epoch || !isOthers(item)));
    if (!mayEdit) {
      this.open.push(...usable.map((item) => ({ ...item, frame: null })));
      this.hold("role");
      return [];
    }
    const same = usable.filter((item) => item.epoch === epoch);
    await this.carry(
      usable.filter((item) => item.epoch !== epoch),
      epoch,
    );
    return this.resume(same);
  }

  /** Bytes of this lineage: applied as they are, unless they build on something that is not here. */
  private resume(items: PendingUpdate[]): Open[] {
    const fitting = items.filter((item) => this.fits(item));
    if (fitting.length === 0) return [];
    Y.applyUpdate(this.options.doc, merged(fitting.map((item) => item.update)), RESENT);
    const open = fitting.map((item) => ({ ...item, frame: null }));
    this.open.push(...open);
    return open;
  }

  private fits(item: PendingUpdate): boolean {
    const trial = new Y.Doc();
    Y.applyUpdate(trial, Y.encodeStateAsUpdate(this.options.doc));
    Y.applyUpdate(trial, item.update);
    const whole = trial.store.pendingStructs === null && trial.store.pendingDs === null;
    trial.destroy();
    const tries = (this.misfits.get(item.id) ?? 0) + 1;
    this.misfits.set(item.id, tries);
    if (!whole && tries >= MAX_MISFITS) this.hold("refused", [{ ...item, frame: null }]);
    return whole;
  }

  /**
   * Another lineage: the bytes mean nothing here, their words do. One tab at a time, and only what no
   * other has carried meanwhile; new entries are kept before the old go.
   */
  private async carry(items: PendingUpdate[], epoch: number): Promise<void> {
    if (items.length === 0) return;
    await this.options.ready;
    await alone("carry", async () => {
      const kept = new Map((await this.load()).map((item) => [item.id, item]));
      for (const item of items) {
        const known = kept.get(item.id);
        if (this.keepsOnDevice && (!known || known.held)) continue;
        await this.rewrite(item, epoch);
      }
    });
  }

  private async rewrite(item: PendingUpdate, epoch: number): Promise<void> {
    const refused = item.changes.length > 0 ? this.options.carryOver(item.changes) : [];
    const open = this.close(epoch);
    if (open) await this.put(open);
    if (refused.length > 0 || item.changes.length === 0) {
      const left = { ...item, changes: refused, frame: null };
      this.hold("epoch", [left]);
      await this.put({ ...left, held: "epoch" });
    } else await this.forget([item]);
  }

  private async load(): Promise<PendingUpdate[]> {
    const known = new Set([...this.open, ...this.held].map((item) => item.id));
    try {
      const kept = await this.options.store.load();
      return kept
        .filter((item) => !known.has(item.id))
        .map((item) => ({ ...item, changes: item.changes ?? [] }));
    } catch {
      this.deviceFailed();
      return [];
    }
  }

  private keep(item: PendingUpdate): void {
    void this.put(item);
  }

  private async put(item: PendingUpdate): Promise<void> {
    const { id, at, epoch, update, changes, held, tab } = item;
    const rest = { ...(held ? { held } : {}), ...(tab ? { tab } : {}) };
    try {
      await this.options.store.put({ id, at, epoch, update, changes, ...rest });
    } catch {
      this.deviceFailed();
    }
  }

  private async forget(items: readonly PendingUpdate[]): Promise<void> {
    try {
      await this.options.store.drop(items.map((item) => item.id));
    } catch {
      this.deviceFailed();
    }
  }

  private deviceFailed(): void {
    if (!this.keepsOnDevice) return;
    this.keepsOnDevice = false;
    this.options.changed();
  }
}

function merged(updates: Uint8Array[]): Uint8Array {
  return updates.length === 1 && updates[0] ? updates[0] : Y.mergeUpdates(updates);
}
