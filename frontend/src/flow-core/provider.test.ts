/** The connection against a room that keeps a Y.Doc and speaks the server's frames. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import type { Change } from "./changes";
import { MemoryPendingStore } from "./pending-store";
import { FlowProvider, type ProviderOptions } from "./provider";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** One document on the "server"; `ack: false` holds acknowledgements back. */
class Room {
  doc = new Y.Doc();
  epoch = 1;
  role = "editor";
  ack = true;
  sockets: FakeSocket[] = [];
  down = false;
  limits: Record<string, number> = {};

  receive(socket: FakeSocket, data: Uint8Array): void {
    const decoder = decoding.createDecoder(data);
    if (decoding.readVarUint(decoder) !== 0) return;
    const step = decoding.readVarUint(decoder);
    const body = decoding.readVarUint8Array(decoder);
    if (step === 0) {
      socket.deliver(sync(1, Y.encodeStateAsUpdate(this.doc, body)));
      return;
    }
    Y.applyUpdate(this.doc, body);
    socket.frames += 1;
    if (this.ack) socket.acknowledge();
  }
}

class FakeSocket {
  static room: Room;
  binaryType = "";
  readyState = 0;
  frames = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: URL) {
    const room = FakeSocket.room;
    room.sockets.push(this);
    setTimeout(() => {
      if (room.down) {
        this.end(1006);
        return;
      }
      this.readyState = 1;
      this.onopen?.();
      const wanted = url.searchParams.get("epoch");
      if (wanted !== null && Number(wanted) !== room.epoch) {
        this.end(4409);
        return;
      }
      this.deliver(hello(room));
      if (room.role !== "viewer") this.deliver(sync(0, Y.encodeStateVector(room.doc)));
    }, 1);
  }

  send(data: Uint8Array): void {
    setTimeout(() => this.readyState === 1 && FakeSocket.room.receive(this, data), 1);
  }

  deliver(data: Uint8Array): void {
    const copy = data.slice().buffer as ArrayBuffer;
    setTimeout(() => this.readyState === 1 && this.onmessage?.({ data: copy }), 1);
  }

  acknowledge(frames = this.frames): void {
    this.deliver(
      frame(100, (encoder) => {
        encoding.writeVarUint(encoder, frames);
        encoding.writeVarUint(encoder, 7);
      }),
    );
  }

  close(): void {
    this.end(1000);
  }

  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

function frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    write(encoder);
  });
}

function sync(step: number, body: Uint8Array): Uint8Array {
  return frame(0, (encoder) => {
    encoding.writeVarUint(encoder, step);
    encoding.writeVarUint8Array(encoder, body);
  });
}

function role(name: string): Uint8Array {
  return frame(101, (e) => encoding.writeVarString(e, name));
}

function hello(room: Room): Uint8Array {
  return frame(103, (e) =>
    encoding.writeVarString(
      e,
      JSON.stringify({ epoch: room.epoch, role: room.role, seq: 1, client_limits: room.limits }),
    ),
  );
}

function open(store = new MemoryPendingStore(), doc = new Y.Doc(), options: Partial<ProviderOptions> = {}) {
  const provider = new FlowProvider({
    ...options,
    doc,
    url: "ws://host/ws/doc/f1",
    store,
    WebSocket: FakeSocket as unknown as typeof WebSocket,
    random: () => 0,
  });
  return { provider, doc, store };
}

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const room = (): Room => {
  FakeSocket.room = new Room();
  return FakeSocket.room;
};

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

const pending = (id: string, epoch: number, update: Uint8Array, changes: readonly Change[] = []) => ({
  id,
  at: 0,
  epoch,
  update,
  changes,
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
  room();
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
  Y.applyUpdate(FakeSocket.room.doc, first);
  FakeSocket.room.sockets[0]?.deliver(sync(2, first));
  await later(30_000);
  expect(FakeSocket.room.doc.getText("notes").toString()).toBe("ab");
  expect(store.items.size).toBe(0);
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
