/** What the editor keeps on this device: changes on their way, and what a person saw last. */

const NAME = "sage-studio";
const VERSION = 2;

export type DeviceStore = "pending" | "seen";

let opened: Promise<IDBDatabase> | null = null;

/** Each call is a transaction of its own. Rejects where the browser keeps nothing. */
export async function deviceStore(name: DeviceStore, mode: IDBTransactionMode): Promise<IDBObjectStore> {
  opened ??= open();
  try {
    return (await opened).transaction(name, mode).objectStore(name);
  } catch {
    // Closed by a newer tab, or by the browser: opened again once.
    opened = open();
    return (await opened).transaction(name, mode).objectStore(name);
  }
}

export function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    const has = request.result.objectStoreNames;
    if (!has.contains("pending")) {
      request.result.createObjectStore("pending", { keyPath: ["scope", "id"] });
    }
    if (!has.contains("seen")) request.result.createObjectStore("seen", { keyPath: "scope" });
  };
  const database = await finished(request);
  database.onversionchange = () => {
    database.close();
    opened = null;
  };
  database.onclose = () => {
    opened = null;
  };
  return database;
}
