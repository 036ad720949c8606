/**
 * This person's changes on their way to the server's disk: batched, kept on the device until
 * acknowledged, taken over from tabs that are gone, carried to a new lineage of the document, and
 * held back for the person when the server will never take them.
 */
import * as Y from "yjs";
import { type Change, joined, targetOf } from "./changes";
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
/** Well below the age at which another tab takes an entry over. */
const GROWS_MS = 5_000;
const NOTHING = new Uint8Array([0, 0]);

export class Outbox {
  open: Open[] = [];
  held: PendingUpdate[] = [];
  /** False when the browser refuses to keep anything: closing the page would lose what is open. */
  keepsOnDevice = true;
  private queue: { update: Uint8Array; changes: readonly Change[] }[] = [];
  private readonly misfits = new Map<string, number>();
  /** Of what an earlier page left: how many build on something that is not here yet. */
  private unfit = 0;
  private adopting = false;
  private looked = false;

  constructor(private readonly options: OutboxOptions) {
    holdTabLock();
  }

  /** How many changes wait, as a person counts them: a text typed in twice is one. */
  get waiting(): number {
    const waiting = [...this.open, ...this.queue];
    const targets = new Set(waiting.flatMap(({ changes }) => changes.map(targetOf)));
    const wordless = waiting.filter(({ changes }) => changes.length === 0).length;
    return targets.size + wordless + this.unfit;
  }

  /** Whether what an earlier page left has been looked for. */
  get hasLooked(): boolean {
    return this.looked;
  }

  add(update: Uint8Array): void {
    this.queue.push({ update, changes: this.options.changesNow() });
  }

  /** Ends the batch: from here on it is kept on the device. `grows`: nothing can be sent now. */
  close(epoch: number, grows = false): Open | null {
    if (this.queue.length === 0) return null;
    const queue = this.queue;
    this.queue = [];
    const at = Date.now();
    const last = grows ? this.growing(at, epoch) : undefined;
    const open: Open = last ?? {
      id: `${at.toString(36)}-${crypto.randomUUID()}`,
      at,
      epoch,
      update: NOTHING,
      changes: [],
      frame: null,
      tab: TAB,
    };
    open.update = merged([...(last ? [last.update] : []), ...queue.map((item) => item.update)]);
    open.changes = queue.reduce<readonly Change[]>((all, item) => joined(all, item.changes), open.changes);
    if (!last) this.open.push(open);
    this.keep(open);
    return open;
  }

  /** What was made a moment ago and is on its way nowhere takes more: an hour's typing is not one entry a letter. */
  private growing(now: number, epoch: number): Open | undefined {
    const last = this.open.at(-1);
    const isFresh = last && last.tab === TAB && last.epoch === epoch && now - last.at < GROWS_MS;
    return isFresh && last.frame === null ? last : undefined;
  }

  sentAll(frame: number): void {
    for (const open of this.open) open.frame = frame;
  }

  /** What is not on its way yet, as one update. */
  get unsent(): Uint8Array | null {
    const rest = this.open.filter((open) => open.frame === null);
    return rest.length > 0 ? merged(rest.map((open) => open.update)) : null;
  }

  sentRest(frame: number): void {
    for (const open of this.open) open.frame ??= frame;
  }

  /** Whether anything waits for its acknowledgement on this connection. */
  get isSent(): boolean {
    return this.open.some((open) => open.frame !== null);
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

  /** Writes what is held into the document, unless another tab has; kept anew before the old goes. */
  async takeHeld(epoch: number, write: (changes: readonly Change[]) => void): Promise<void> {
    await alone("held", async () => {
      const kept = await this.load();
      const still = this.held.filter(({ id }) => !kept || kept.some((item) => item.id === id));
      this.close(epoch);
      write(still.reduce<readonly Change[]>((all, item) => joined(all, item.changes), []));
      const open = this.close(epoch);
      if (open) await this.put(open);
      await this.forget(this.held);
      this.held = [];
    });
  }

  /** Only what can be offered, for a page that never gets to the document. */
  async look(): Promise<void> {
    this.held = (await this.load()) ?? [];
    this.looked = true;
    this.options.changed();
  }

  /**
   * Takes over what an earlier page, or a tab that is gone, left behind: to be sent. The first time
   * everything; later only what nobody has acknowledged for a while. The document is in step with
   * the server.
   */
  async adopt(epoch: number, mayEdit: boolean, isAlive: () => boolean): Promise<void> {
    if (this.adopting) return;
    this.adopting = true;
    const first = !this.looked;
    const held = this.held;
    const [stored, living] = await Promise.all([this.load(), livingTabs()]);
    this.adopting = false;
    this.looked = true;
    if (!isAlive() || !stored) return;
    // What another tab has put in or thrown away is offered no more.
    this.held = this.held.filter((item) => !held.includes(item) || stored.some(({ id }) => id === item.id));
    const known = new Set([...this.open, ...this.held].map((item) => item.id));
    const isLeft = (item: PendingUpdate): boolean =>
      living && item.tab ? !living.has(item.tab) : Date.now() - item.at > ABANDONED_MS;
    const fresh = stored.filter((item) => !known.has(item.id) && (first || item.held || isLeft(item)));
    this.held.push(...fresh.filter((item) => item.held));
    // Bytes of this lineage do no harm twice. Words do: a living tab carries its own over itself.
    const isOthers = (item: PendingUpdate): boolean => item.tab !== TAB && !isLeft(item);
    const usable = fresh.filter((item) => !item.held && (item.epoch === epoch || !isOthers(item)));
    if (mayEdit) await this.take(usable, epoch);
    else {
      this.open.push(...usable.map((item) => ({ ...item, frame: null })));
      this.hold("role");
    }
  }

  private async take(items: readonly PendingUpdate[], epoch: number): Promise<void> {
    const same = items.filter((item) => item.epoch === epoch);
    await this.carry(
      items.filter((item) => item.epoch !== epoch),
      epoch,
    );
    this.resume(same);
  }

  /** Bytes of this lineage: applied as they are, unless they build on something that is not here. */
  private resume(items: readonly PendingUpdate[]): void {
    const fitting = this.fitting(items);
    this.unfit = this.misfit(items.filter((item) => !fitting.includes(item)));
    if (fitting.length === 0) return;
    Y.applyUpdate(this.options.doc, merged(fitting.map((item) => item.update)), RESENT);
    this.open.push(...fitting.map((item) => ({ ...item, frame: null })));
  }

  /** Those that leave no gap, each upon the document and the ones before it. */
  private fitting(items: readonly PendingUpdate[]): PendingUpdate[] {
    if (items.length === 0) return [];
    const base = Y.encodeStateAsUpdate(this.options.doc);
    if (isWhole([base, ...items.map((item) => item.update)])) return [...items];
    const fitting: PendingUpdate[] = [];
    for (const item of items) {
      const all = [base, ...fitting.map((known) => known.update), item.update];
      if (isWhole(all)) fitting.push(item);
    }
    return fitting;
  }

  /** Counts those still to be tried again; after some tries the person gets them instead. */
  private misfit(items: readonly PendingUpdate[]): number {
    let count = 0;
    for (const item of items) {
      const tries = (this.misfits.get(item.id) ?? 0) + 1;
      this.misfits.set(item.id, tries);
      if (tries >= MAX_MISFITS) this.hold("refused", [{ ...item, frame: null }]);
      else count += 1;
    }
    return count;
  }

  /**
   * Another lineage: the bytes mean nothing here, their words do. One tab at a time, and only what no
   * other has carried meanwhile; new entries are kept before the old go.
   */
  private async carry(items: PendingUpdate[], epoch: number): Promise<void> {
    if (items.length === 0) return;
    await this.options.ready;
    await alone("carry", async () => {
      const stored = await this.load();
      const kept = new Map(stored?.map((item) => [item.id, item]));
      for (const item of items) {
        const known = kept.get(item.id);
        if (stored && (!known || known.held)) continue;
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

  /** All that is kept on the device, in the order it was made; null where nothing is. */
  private async load(): Promise<PendingUpdate[] | null> {
    try {
      const kept = await this.options.store.load();
      return kept.map((item) => ({ ...item, changes: item.changes ?? [] }));
    } catch {
      this.deviceFailed();
      return null;
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

/** Whether updates together lack nothing they build on. */
function isWhole(updates: readonly Uint8Array[]): boolean {
  const trial = new Y.Doc();
  for (const update of updates) Y.applyUpdate(trial, update);
  const whole = trial.store.pendingStructs === null && trial.store.pendingDs === null;
  trial.destroy();
  return whole;
}
