/** Changes of an earlier lineage are carried over once, whichever tab comes first. */
import { afterEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import type { Change } from "./changes";
import { Outbox } from "./outbox";
import { MemoryPendingStore, type PendingUpdate } from "./pending-store";
import { TAB } from "./tab-lock";

const words: Change[] = [{ op: "set_flow", path: ["name"], value: "Mine", was: "" } as unknown as Change];
const entry = (id: string, tab: string): PendingUpdate => ({
  id,
  at: Date.now(),
  epoch: 1,
  update: Y.encodeStateAsUpdate(new Y.Doc()),
  changes: words,
  tab,
});

/** Locks as a browser has them: one holder per name, the others wait. */
function browserWithTabs(living: string[]): void {
  const last = new Map<string, Promise<unknown>>();
  const request = (name: string, work: () => Promise<unknown>) => {
    const mine = (last.get(name) ?? Promise.resolve()).then(work);
    last.set(name, mine);
    return mine;
  };
  const query = () => Promise.resolve({ held: living.map((tab) => ({ name: `sage.tab.${tab}` })) });
  vi.stubGlobal("navigator", { locks: { request, query } });
}

function outbox(store: MemoryPendingStore, carried: string[]): Outbox {
  return new Outbox({
    doc: new Y.Doc(),
    store,
    changesNow: () => [],
    carryOver: () => {
      carried.push("carried");
      return [];
    },
    ready: Promise.resolve(),
    changed: () => undefined,
  });
}

afterEach(() => vi.unstubAllGlobals());

test("a living tab carries its own changes over itself", async () => {
  browserWithTabs([TAB, "other"]);
  const store = new MemoryPendingStore();
  await store.put(entry("a", TAB));
  await store.put(entry("b", "other"));
  const carried: string[] = [];

  await outbox(store, carried).adopt(2, true, () => true);

  expect(carried).toHaveLength(1);
  expect([...store.items.keys()]).toEqual(["b"]);
});

test("what a tab that is gone left is carried by one of those that find it", async () => {
  browserWithTabs([TAB]);
  const store = new MemoryPendingStore();
  await store.put(entry("a", "gone"));
  const carried: string[] = [];

  await Promise.all(
    [outbox(store, carried), outbox(store, carried)].map((each) => each.adopt(2, true, () => true)),
  );

  expect(carried).toHaveLength(1);
  expect(store.items.size).toBe(0);
});
