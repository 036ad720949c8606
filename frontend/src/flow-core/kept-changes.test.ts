/** Changes that are not on the server's disk: kept on the device, sent again, carried over, or offered. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import type { Change } from "./changes";
import { MemoryPendingStore } from "./pending-store";
import { later, open, role, room, sync } from "./room-testing";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pending = (id: string, epoch: number, update: Uint8Array, changes: readonly Change[] = []) => ({
  id,
  at: 0,
  epoch,
  update,
  changes,
});

test("what was not acknowledged survives a reload of the page", async () => {
  const server = room();
  const first = open();
  await later(20);
  server.down = true;
  server.sockets[0]?.end(1006);
  first.doc.getMap("meta").set("name", "kept");
  await later(50);
  first.provider.destroy();
  expect(first.store.items.size).toBe(1);
  server.down = false;
  const second = open(first.store);
  await later(300);
  expect(server.doc.getMap("meta").get("name")).toBe("kept");
  expect(second.provider.connection).toEqual({ state: "saved" });
  expect(first.store.items.size).toBe(0);
  second.provider.destroy();
});

test("hours of typing offline survive a reload and go as one frame", async () => {
  const server = room();
  const first = open();
  await later(20);
  server.down = true;
  server.sockets[0]?.end(1006);
  const letters = Array.from({ length: 400 }, (_, i) => String(i % 10));
  for (const letter of letters) {
    // Each builds on the one before it.
    first.doc.getText("prompt").insert(first.doc.getText("prompt").length, letter);
    await later(50);
  }
  first.provider.destroy();
  expect(first.store.items.size).toBeGreaterThan(1);
  expect(first.store.items.size).toBeLessThan(10);
  server.down = false;
  const sockets = server.sockets.length;
  const second = open(first.store);
  await later(300);
  expect(server.doc.getText("prompt").toString()).toBe(letters.join(""));
  expect(server.sockets[sockets]?.frames).toBe(2);
  expect(second.provider.connection).toEqual({ state: "saved" });
  expect(first.store.items.size).toBe(0);
  second.provider.destroy();
});

test("what waits when the flow is deleted is offered at once, and the flow stays to be looked at", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "late");
  await later(60);
  server.sockets[0]?.end(4404);
  expect(provider.held.map((item) => item.held)).toEqual(["gone"]);
  expect(provider.connection).toEqual({ state: "closed", reason: "not_found", changes: 0 });
  expect(provider.mustReopen).toBe(false);
  provider.reconnectNow();
  expect(provider.mustReopen).toBe(true);
  expect(store.items.size).toBe(1);
  provider.destroy();
});

test("held changes put in by one tab are not put in by another", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const changes: Change[] = [{ op: "flow", path: ["name"], value: "mine", was: "then" }];
  await store.put({ ...pending("1", 1, new Uint8Array([0, 0]), changes), held: "role" });
  const tabs = [open(store), open(store)];
  await later(100);
  expect(tabs.map(({ provider }) => provider.held.length)).toEqual([1, 1]);
  const written: (readonly Change[])[] = [];
  for (const { provider, doc } of tabs) {
    await provider.takeHeld((list) => {
      written.push(list);
      if (list.length > 0) doc.getMap("meta").set("name", "mine");
    });
  }
  await later(100);
  expect(written).toEqual([changes, []]);
  expect(server.doc.getMap("meta").get("name")).toBe("mine");
  expect(store.items.size).toBe(0);
  for (const { provider } of tabs) provider.destroy();
});

test("kept changes of an older lineage are carried over as words, never as bytes", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const old = new Y.Doc();
  old.getMap("meta").set("name", "old lineage");
  const changes: Change[] = [{ op: "flow", path: ["name"], value: "old lineage", was: "" }];
  await store.put(pending("1", 1, Y.encodeStateAsUpdate(old), changes));
  server.epoch = 2;
  const doc = new Y.Doc();
  const carried: (readonly Change[])[] = [];
  const { provider } = open(store, doc, {
    carryOver: (list) => {
      carried.push(list);
      doc.getMap("meta").set("name", "carried");
      return [];
    },
  });
  await later(200);
  expect(carried).toEqual([changes]);
  expect(server.doc.getMap("meta").get("name")).toBe("carried");
  expect([...server.doc.store.clients.keys()]).not.toContain(old.clientID);
  expect(provider.held).toEqual([]);
  expect(store.items.size).toBe(0);
  provider.destroy();
});

test("what no longer fits the new lineage is held for the person", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const changes: Change[] = [{ op: "flow", path: ["name"], value: "mine", was: "then" }];
  await store.put(pending("1", 1, new Uint8Array([0, 0]), changes));
  server.epoch = 2;
  const { provider } = open(store, new Y.Doc(), { carryOver: (list) => list });
  await later(200);
  expect(provider.held.map(({ held, changes }) => ({ held, changes }))).toEqual([{ held: "epoch", changes }]);
  expect(store.items.size).toBe(1);
  await provider.takeHeld(() => undefined);
  expect(store.items.size).toBe(0);
  provider.destroy();
});

test("who may no longer edit keeps what was not sent, and opens the document without it", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "too late");
  await later(60);
  server.role = "viewer";
  server.sockets.at(-1)?.deliver(role("viewer"));
  await later(20);
  expect(provider.mustReopen).toBe(true);
  expect([...store.items.values()].map((item) => item.held)).toEqual(["role"]);
  provider.destroy();
  const again = open(store);
  await later(200);
  expect(again.provider.held).toHaveLength(1);
  expect(again.provider.connection).toEqual({ state: "saved" });
  expect(again.doc.getMap("meta").get("name")).not.toBe("too late again");
  again.provider.destroy();
});

test("an editor who is shown out in the middle of a change is not told it was lost", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "in flight");
  await later(60);
  server.sockets[0]?.end(4403);
  expect(provider.mustReopen).toBe(true);
  expect([...store.items.values()].map((item) => item.held)).toEqual(["role"]);
  provider.destroy();
});

test("a change the server calls malformed is not sent for ever", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "bad");
  await later(60);
  server.sockets[0]?.end(4400);
  expect([...store.items.values()].map((item) => item.held)).toEqual(["refused"]);
  provider.destroy();
});

test("two tabs share what is kept: no change twice, none lost when one tab is gone", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const left = open(store);
  const right = open(store);
  await later(20);
  server.down = true;
  for (const socket of server.sockets) socket.end(1006);
  const list = left.doc.getArray<string>("notes");
  list.push(["one"]);
  await later(50);
  left.provider.destroy(); // the tab crashes while the server is away
  server.down = false;
  await later(60_000);
  expect(server.doc.getArray("notes").toArray()).toEqual(["one"]);
  expect(right.doc.getArray("notes").toArray()).toEqual(["one"]);
  expect(store.items.size).toBe(0);
  expect(right.provider.connection).toEqual({ state: "saved" });
  right.provider.destroy();
});

test("a change that builds on one that is not here waits for it", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const other = new Y.Doc();
  const updates: Uint8Array[] = [];
  other.on("update", (update: Uint8Array) => updates.push(update));
  other.getText("notes").insert(0, "a");
  other.getText("notes").insert(1, "b");
  const [first, second] = updates as [Uint8Array, Uint8Array];
  await store.put(pending("2", 1, second));
  const { provider, doc } = open(store);
  await later(100);
  expect(store.items.size).toBe(1);
  expect(doc.store.pendingStructs).toBeNull();
  expect(provider.connection).toEqual({ state: "saving", changes: 1 });
  Y.applyUpdate(server.doc, first);
  server.sockets[0]?.deliver(sync(2, first));
  await later(30_000);
  expect(server.doc.getText("notes").toString()).toBe("ab");
  expect(store.items.size).toBe(0);
  provider.destroy();
});
