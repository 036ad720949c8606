/**
 * Updates the server has not acknowledged yet, kept on this device so that a reload or a crash
 * of the browser loses nothing. Keyed by flow and epoch.
 */

export type PendingUpdate = { id: string; epoch: number; update: Uint8Array };

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

const DATABASE = "sage-studio";
const STORE = "pending";

/** IndexedDB; each write is its own short transaction. */
export class IndexedPendingStore implements PendingStore {
  private database: Promise<IDBDatabase> | null = null;

  /** `scope` is the flow and the person: another person at this browser sends nothing of ours. */
  constructor(private readonly scope: string) {}

  async load(): Promise<PendingUpdate[]> {
    const store = await this.store("readonly");
    const range = IDBKeyRange.bound([this.scope, ""], [this.scope, "\uffff"]);
    return finished<PendingUpdate[]>(store.getAll(range));
  }

  async put(pending: PendingUpdate): Promise<void> {
    const store = await this.store("readwrite");
    await finished(store.put({ ...pending, scope: this.scope }));
  }

  async drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const store = await this.store("readwrite");
    await Promise.all(ids.map((id) => finished(store.delete([this.scope, id]))));
  }

  private async store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    this.database ??= open();
    return (await this.database).transaction(STORE, mode).objectStore(STORE);
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["scope", "id"] });
  return finished(request);
}

function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export function pendingStoreFor(scope: string): PendingStore {
  return typeof indexedDB === "undefined" ? new MemoryPendingStore() : new IndexedPendingStore(scope);
}
