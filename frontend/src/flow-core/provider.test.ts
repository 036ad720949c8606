/** The connection against a room that keeps a Y.Doc and speaks the server's frames. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { MemoryPendingStore } from "./pending-store";
import { FlowProvider } from "./provider";

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

function hello(room: Room): Uint8Array {
  return frame(103, (e) =>
    encoding.writeVarString(
      e,
      JSON.stringify({ epoch: room.epoch, role: room.role, seq: 1, client_limits: {} }),
    ),
  );
}

function open(store = new MemoryPendingStore(), doc = new Y.Doc()) {
  const provider = new FlowProvider({
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
  expect(provider.connection).toEqual({ state: "offline", changes: 1 });
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

test("kept changes of an older lineage are counted as lost, never merged", async () => {
  const server = room();
  const store = new MemoryPendingStore();
  const old = new Y.Doc();
  old.getMap("meta").set("name", "old lineage");
  await store.put({ id: "1", epoch: 1, update: Y.encodeStateAsUpdate(old) });
  server.epoch = 2;
  const { provider } = open(store);
  await later(100);
  expect(provider.lostChanges).toBe(1);
  expect(server.doc.getMap("meta").get("name")).toBeUndefined();
  provider.destroy();
});

test.each([
  [4401, "signed_out"],
  [4403, "forbidden"],
  [4404, "not_found"],
  [4409, "stale_epoch"],
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
