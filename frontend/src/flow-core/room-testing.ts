/** For tests: a room that keeps a Y.Doc and speaks the server's frames, without a network. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { vi } from "vitest";
import * as Y from "yjs";
import { MemoryPendingStore } from "./pending-store";
import { FlowProvider, type ProviderOptions } from "./provider";

/** One document on the "server"; `ack: false` holds acknowledgements back. */
export class Room {
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

export function frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    write(encoder);
  });
}

export function sync(step: number, body: Uint8Array): Uint8Array {
  return frame(0, (encoder) => {
    encoding.writeVarUint(encoder, step);
    encoding.writeVarUint8Array(encoder, body);
  });
}

export function role(name: string): Uint8Array {
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

export function open(
  store = new MemoryPendingStore(),
  doc = new Y.Doc(),
  options: Partial<ProviderOptions> = {},
) {
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

export const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
export const room = (): Room => {
  FakeSocket.room = new Room();
  return FakeSocket.room;
};
