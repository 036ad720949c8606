/**
 * One connection to a room after another: opened, watched over, given up when it is a shell, and
 * opened anew after a pause. What is said over it is left to its owner.
 */
import { backoffMs } from "./connection";
import { type Frame, type OutgoingFrame, readFrame } from "./frames";
import { Liveness } from "./liveness";

export type RoomSocketOptions = {
  /** Address of the room without its query, e.g. `ws://host/ws/doc/<id>`. */
  url: string;
  WebSocket?: typeof WebSocket | undefined;
  random?: (() => number) | undefined;
  /** The lineage this side knows; null before the first hello. */
  epoch: () => number | null;
  connecting: () => void;
  opened: () => void;
  received: (frame: Frame) => void;
  /** The owner decides what follows: nothing, or `retry`. */
  closed: (code: number) => void;
  /** Called about once a second; whether a sent frame waits for its acknowledgement. */
  isWaiting: () => boolean;
  /** The machine was asleep, and there is no connection. */
  wokeUp: () => void;
};

/** Our own word for a connection given up on; never sent. */
const CONNECTION_LOST = 4500;
const WATCH_MS = 1_000;

export class RoomSocket {
  /** Attempts since the room last answered. */
  attempts = 0;
  /** When the next attempt begins; null while one is under way. */
  retryAt: number | null = null;
  /** Frames that carry changes, counted as the server counts them. */
  sentFrames = 0;
  private socket: WebSocket | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly watchTimer: ReturnType<typeof setInterval>;
  private readonly liveness = new Liveness();

  constructor(private readonly options: RoomSocketOptions) {
    this.watchTimer = setInterval(() => this.watch(), WATCH_MS);
  }

  get isOpen(): boolean {
    return this.socket?.readyState === 1;
  }

  /** Whether there is one, open or on its way. */
  get exists(): boolean {
    return this.socket !== null;
  }

  connect(): void {
    if (this.retryTimer) clearTimeout(this.retryTimer);
    const address = new URL(this.options.url);
    const epoch = this.options.epoch();
    if (epoch !== null) address.searchParams.set("epoch", String(epoch));
    address.searchParams.set("ext", "1");
    const socket = new (this.options.WebSocket ?? WebSocket)(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.sentFrames = 0;
    this.retryAt = null;
    this.liveness.heard();
    socket.onopen = () => {
      this.liveness.heard();
      this.options.opened();
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.liveness.heard();
      if (event.data instanceof ArrayBuffer) this.options.received(readFrame(new Uint8Array(event.data)));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.ended(event.code);
    };
    this.options.connecting();
  }

  send(frame: OutgoingFrame): void {
    if (this.isOpen) this.socket?.send(frame);
  }

  /** Sends changes; returns the number the acknowledgement will name. */
  sendCounted(frame: OutgoingFrame): number {
    this.socket?.send(frame);
    this.sentFrames += 1;
    this.liveness.sent();
    return this.sentFrames;
  }

  /** Leaves for good. */
  hangUp(): void {
    this.abandon(1000);
  }

  /** Gives up a connection that nobody answers on. */
  lose(): void {
    this.abandon(CONNECTION_LOST);
  }

  retry(): void {
    this.retryIn(backoffMs(this.attempts, this.options.random ?? Math.random));
    this.attempts += 1;
  }

  retryIn(delayMs: number): void {
    this.retryAt = Date.now() + delayMs;
    this.retryTimer = setTimeout(() => this.connect(), delayMs);
  }

  destroy(): void {
    if (this.retryTimer) clearTimeout(this.retryTimer);
    clearInterval(this.watchTimer);
    this.socket?.close(1000);
    this.socket = null;
  }

  private abandon(code: number): void {
    const socket = this.socket;
    if (!socket) return;
    socket.onclose = null;
    socket.close(1000);
    this.ended(code);
  }

  private ended(code: number): void {
    this.socket = null;
    this.options.closed(code);
  }

  private watch(): void {
    const { slept, isDead } = this.liveness.tick(this.options.isWaiting());
    if (!this.socket) {
      if (slept) this.options.wokeUp();
    } else if (isDead) {
      this.lose();
      this.options.wokeUp();
    }
  }
}
