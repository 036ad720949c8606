/** The connection: what is said to be saved, how it comes back, what ends it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemoryPendingStore } from "./pending-store";
import { later, open, room } from "./room-testing";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a change is saved only once the server has acknowledged it", async () => {
  const server = room();
  server.ack = false;
  const { provider, doc } = open();
  await later(20);
  server.sockets[0]?.acknowledge();
  expect(provider.connection).toEqual({ state: "saved" });
  doc.getMap("meta").set("name", "x");
  expect(provider.connection).toEqual({ state: "saving", changes: 1 });
  await later(100);
  expect(server.doc.getMap("meta").get("name")).toBe("x");
  expect(provider.connection).toEqual({ state: "saving", changes: 1 });
  server.sockets[0]?.acknowledge();
  await later(5);
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});

test("an acknowledgement covers the frames it counts and no later one", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "first");
  await later(60);
  const first = server.sockets[0]?.frames ?? 0;
  doc.getMap("meta").set("name", "second");
  await later(60);
  expect(provider.connection).toEqual({ state: "saving", changes: 2 });
  server.sockets[0]?.acknowledge(first);
  await later(5);
  expect(provider.connection).toEqual({ state: "saving", changes: 1 });
  expect(store.items.size).toBe(1);
  provider.destroy();
});

test("fast changes travel as one frame", async () => {
  const server = room();
  const { provider, doc } = open();
  await later(20);
  const before = server.sockets[0]?.frames ?? 0;
  for (let i = 0; i < 50; i += 1) doc.getMap("meta").set("name", `x${i}`);
  await later(60);
  expect((server.sockets[0]?.frames ?? 0) - before).toBe(1);
  provider.destroy();
});

test("changes made while the server is away are counted and sent when it is back", async () => {
  const server = room();
  const { provider, doc } = open();
  await later(20);
  server.down = true;
  server.sockets[0]?.end(1006);
  doc.getMap("meta").set("name", "offline");
  await later(50);
  expect(provider.connection).toMatchObject({ state: "offline", changes: 1 });
  server.down = false;
  await later(6_000);
  expect(server.doc.getMap("meta").get("name")).toBe("offline");
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});

test("a stale lineage asks for the document to be opened anew and keeps what is open", async () => {
  const server = room();
  const { provider, doc, store } = open();
  await later(20);
  server.down = true;
  server.sockets[0]?.end(1006);
  doc.getMap("meta").set("name", "typed offline");
  server.epoch = 2;
  server.down = false;
  await later(6_000);
  expect(provider.mustReopen).toBe(true);
  expect(store.items.size).toBe(1);
  provider.destroy();
});

test("a change larger than one update may be goes as the answer to the server's question", async () => {
  const server = room();
  server.limits = { update_bytes: 1_000 };
  const { provider, doc } = open();
  await later(20);
  doc.getMap("meta").set("name", "x".repeat(5_000));
  await later(200);
  expect(server.doc.getMap("meta").get("name")).toHaveLength(5_000);
  expect(server.sockets).toHaveLength(2);
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});

test("a quarantined document is asked for again", async () => {
  const server = room();
  const { provider } = open();
  await later(20);
  server.sockets[0]?.end(4423);
  expect(provider.connection).toMatchObject({ state: "closed", reason: "quarantined" });
  await later(31_000);
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});

test("a machine that slept does not trust its old connection", async () => {
  const server = room();
  const { provider } = open();
  await later(2_000);
  vi.setSystemTime(Date.now() + 3_600_000);
  await later(2_000);
  expect(server.sockets).toHaveLength(2);
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});

test("a browser that keeps nothing is said so", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  store.put = () => Promise.reject(new Error("quota"));
  const { provider, doc } = open(store);
  await later(20);
  server.ack = false;
  expect(provider.keepsOnDevice).toBe(true);
  doc.getMap("meta").set("name", "x");
  await later(60);
  expect(provider.keepsOnDevice).toBe(false);
  provider.destroy();
});

test.each([
  [4401, "signed_out"],
  [4403, "forbidden"],
  [4404, "not_found"],
  [4413, "too_large"],
  [4400, "refused"],
])("close code %i is final: %s", async (code, reason) => {
  const server = room();
  const { provider } = open();
  await later(20);
  server.sockets[0]?.end(code);
  await later(20_000);
  expect(provider.connection).toEqual({ state: "closed", reason, changes: 0 });
  expect(server.sockets).toHaveLength(1);
  provider.destroy();
});

test("overload is waited out with growing pauses", async () => {
  const server = room();
  const { provider } = open();
  await later(20);
  server.down = true;
  server.sockets[0]?.end(4503);
  await later(3_000);
  const early = server.sockets.length;
  await later(3_000);
  expect(early).toBeGreaterThan(3);
  expect(server.sockets.length - early).toBeLessThan(3);
  provider.destroy();
});

test("a viewer receives everything and sends no changes", async () => {
  const server = room();
  server.role = "viewer";
  server.doc.getMap("meta").set("name", "theirs");
  const { provider, doc } = open();
  await later(20);
  expect(doc.getMap("meta").get("name")).toBe("theirs");
  doc.getMap("meta").set("name", "mine");
  await later(100);
  expect(server.doc.getMap("meta").get("name")).toBe("theirs");
  expect(provider.role).toBe("viewer");
  provider.destroy();
});

test("a connection that swallows frames is given up and replaced", async () => {
  const server = room();
  const { provider, doc } = open();
  await later(20);
  server.ack = false;
  doc.getMap("meta").set("name", "into the void");
  await later(9_500);
  expect(server.sockets.length).toBeGreaterThan(1);
  server.ack = true;
  server.sockets.at(-1)?.acknowledge();
  await later(10_000);
  expect(provider.connection).toEqual({ state: "saved" });
  provider.destroy();
});
