/**
 * Updates the server has not acknowledged yet, kept on this device so that a reload or a crash
 * of the browser loses nothing. Shared by all tabs of one person at one flow.
 */
import type { Change } from "./changes";
import { deviceStore, finished } from "./device-database";

/** Why changes cannot be sent: they are offered to the person instead. */
export type HeldReason = "role" | "epoch" | "too_large" | "refused" | "gone";

export type PendingUpdate = {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  epoch: number;
  update: Uint8Array;
  /** The same in words of the flow, for when the bytes are of no use any more. */
  changes: readonly Change[];
  held?: HeldReason;
  /** The tab it was made in. */
  tab?: string;
};

export interface PendingStore {
  load(): Promise<PendingUpdate[]>;
  put(pending: PendingUpdate): Promise<void>;
  drop(ids: readonly string[]): Promise<void>;
}

/** Keeps nothing beyond the page; for tests and browsers without IndexedDB. */
export class MemoryPendingStore implements PendingStore {
  readonly items = new Map<string, PendingUpdate>();

  async load(): Promise<PendingUpdate[]> {
    return [...this.items.values()];
  }

  async put(pending: PendingUpdate): Promise<void> {
    this.items.set(pending.id, pending);
  }

  async drop(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.items.delete(id);
  }
}

/** IndexedDB; each write is its own short transaction. */
export class IndexedPendingStore implements PendingStore {
  /** `scope` is the flow and the person: another person at this browser sends nothing of ours. */
  constructor(private readonly scope: string) {}

  async load(): Promise<PendingUpdate[]> {
    const store = await deviceStore("pending", "readonly");
    const range = IDBKeyRange.bound([this.scope, ""], [this.scope, "\uffff"]);
    return finished<PendingUpdate[]>(store.getAll(range));
  }

  async put(pending: PendingUpdate): Promise<void> {
    const store = await deviceStore("pending", "readwrite");
    await finished(store.put({ ...pending, scope: this.scope }));
  }

  async drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const store = await deviceStore("pending", "readwrite");
    await Promise.all(ids.map((id) => finished(store.delete([this.scope, id]))));
  }
}

const inMemory = new Map<string, MemoryPendingStore>();

export function pendingStoreFor(scope: string): PendingStore {
  if (typeof indexedDB !== "undefined") return new IndexedPendingStore(scope);
  const store = inMemory.get(scope) ?? new MemoryPendingStore();
  inMemory.set(scope, store);
  return store;
}
