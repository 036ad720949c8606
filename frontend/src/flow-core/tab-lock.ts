/** Which tabs of this browser are alive, told by locks that a tab holds as long as it lives. */

const PREFIX = "sage.tab.";

/** This tab's name; its lock is let go by the browser, however the tab ends. */
export const TAB = crypto.randomUUID();

let isHeld = false;

export function holdTabLock(): void {
  const manager = locks();
  if (isHeld || !manager) return;
  isHeld = true;
  void manager.request(PREFIX + TAB, () => new Promise<never>(() => undefined));
}

/** The living tabs; null where the browser does not tell (an address without TLS). */
export async function livingTabs(): Promise<ReadonlySet<string> | null> {
  const manager = locks();
  if (!manager) return null;
  const { held = [] } = await manager.query();
  return new Set(held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])));
}

/** Runs `work` while no other tab of this browser is at work under the same name; at once where there are no locks. */
export async function alone<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const manager = locks();
  return manager ? await manager.request(`sage.${name}`, work) : await work();
}

function locks(): LockManager | null {
  if (typeof navigator === "undefined") return null;
  return (navigator as { locks?: LockManager | null }).locks ?? null;
}
