/**
 * Keeps one Y.Doc in step with its room on the server.
 *
 * What is shown as saved has been acknowledged: every local update is remembered, here and on
 * the device, until the server says that the frame that carried it is on disk. After a break
 * the sync answer carries what is still open; after a reload the remembered updates are applied
 * again and go the same way.
 */
import * as awarenessProtocol from "y-protocols/awareness";
import * as Y from "yjs";
import {
  awarenessFrame,
  type Frame,
  type OutgoingFrame,
  type Role,
  readFrame,
  syncStep1,
  syncStep2,
  syncUpdate,
} from "./frames";
import { MemoryPendingStore, type PendingStore } from "./pending-store";

export type FinalReason = "signed_out" | "forbidden" | "not_found" | "stale_epoch" | "too_large" | "refused";

export type Connection =
  | { state: "connecting" }
  | { state: "saved" }
  | { state: "saving"; changes: number }
  | { state: "offline"; changes: number }
  | { state: "closed"; reason: FinalReason; changes: number };

const FINAL: Record<number, FinalReason> = {
  4401: "signed_out",
  4403: "forbidden",
  4404: "not_found",
  4409: "stale_epoch",
  4413: "too_large",
};

type Open = { id: string; update: Uint8Array; frame: number | null };

export type ProviderOptions = {
  doc: Y.Doc;
  /** Address of the room without its query, e.g. `ws://host/ws/doc/<id>`. */
  url: string;
  store?: PendingStore;
  WebSocket?: typeof WebSocket;
  batchMs?: number;
  random?: () => number;
};

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** The server asks for presence every 20 s; a longer silence means a dead connection. */
const SILENCE_MS = 45_000;
/** A commit takes milliseconds; a frame unanswered this long went into a dead connection. */
const ACK_MS = 8_000;
/** Our own word for a connection given up on; never sent. */
const CONNECTION_LOST = 4500;
const RESENT = Symbol("resent");

export class FlowProvider {
  readonly doc: Y.Doc;
  readonly awareness: awarenessProtocol.Awareness;
  readonly clock = { sentFrames: 0, seq: 0 };
  private readonly store: PendingStore;
  private readonly batchMs: number;
  private readonly random: () => number;
  private readonly Socket: typeof WebSocket;
  private readonly listeners = new Set<() => void>();
  private readonly newsListeners = new Set<(topic: string) => void>();
  private socket: WebSocket | null = null;
  private epoch: number | null = null;
  private currentRole: Role | null = null;
  private open: Open[] = [];
  private queue: Uint8Array[] = [];
  private queueTimer: ReturnType<typeof setTimeout> | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private watchTimer: ReturnType<typeof setInterval> | null = null;
  private attempts = 0;
  private lastHeard = 0;
  private lastSent = 0;
  private synced = false;
  private restored = false;
  private final: FinalReason | null = null;
  private destroyed = false;
  private snapshot: Connection = { state: "connecting" };
  private lost = 0;

  constructor(private readonly options: ProviderOptions) {
    this.doc = options.doc;
    this.store = options.store ?? new MemoryPendingStore();
    this.batchMs = options.batchMs ?? 25;
    this.random = options.random ?? Math.random;
    this.Socket = options.WebSocket ?? WebSocket;
    this.awareness = new awarenessProtocol.Awareness(this.doc);
    this.doc.on("update", this.onLocalUpdate);
    this.awareness.on("update", this.onAwareness);
    this.watchTimer = setInterval(() => this.watch(), 1_000);
    this.connect();
  }

  get connection(): Connection {
    return this.snapshot;
  }

  /** The role on this connection; null before the first hello. */
  get role(): Role | null {
    return this.currentRole;
  }

  get isSynced(): boolean {
    return this.synced;
  }

  /** Changes of an older lineage of the document that could not be carried over. */
  get lostChanges(): number {
    return this.lost;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Rows beside the document changed (`comments`); whoever shows them reads them again. */
  onNews = (listener: (topic: string) => void): (() => void) => {
    this.newsListeners.add(listener);
    return () => this.newsListeners.delete(listener);
  };

  /** Tries now instead of waiting for the back-off (the browser says it is online again). */
  reconnectNow(): void {
    if (this.socket || this.final || this.destroyed) return;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    this.attempts = 0;
    this.connect();
  }

  /** The browser says the network is gone: what is unacknowledged counts as kept here from now on. */
  connectionLost(): void {
    const socket = this.socket;
    if (!socket) return;
    socket.onclose = null;
    socket.close();
    this.closed(CONNECTION_LOST);
  }

  destroy(): void {
    this.flush();
    this.destroyed = true;
    this.doc.off("update", this.onLocalUpdate);
    this.awareness.off("update", this.onAwareness);
    for (const timer of [this.queueTimer, this.retryTimer]) if (timer) clearTimeout(timer);
    if (this.watchTimer) clearInterval(this.watchTimer);
    awarenessProtocol.removeAwarenessStates(this.awareness, [this.doc.clientID], "leaving");
    this.awareness.destroy();
    this.socket?.close(1000);
    this.socket = null;
  }

  private connect(): void {
    const address = new URL(this.options.url);
    if (this.epoch !== null) address.searchParams.set("epoch", String(this.epoch));
    address.searchParams.set("ext", "1");
    const socket = new this.Socket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.clock.sentFrames = 0;
    this.lastHeard = Date.now();
    socket.onopen = () => {
      this.lastHeard = Date.now();
      socket.send(syncStep1(Y.encodeStateVector(this.doc)));
      this.sendAwareness([this.doc.clientID]);
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.lastHeard = Date.now();
      if (event.data instanceof ArrayBuffer) this.receive(readFrame(new Uint8Array(event.data)));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.closed(event.code);
    };
    this.changed();
  }

  private receive(frame: Frame): void {
    switch (frame.kind) {
      case "hello":
        this.epoch = frame.hello.epoch;
        this.clock.seq = frame.hello.seq;
        this.setRole(frame.hello.role);
        break;
      case "role":
        this.setRole(frame.role);
        break;
      case "sync_step_1":
        this.answerSync(frame.stateVector);
        break;
      case "update":
        Y.applyUpdate(this.doc, frame.update, this);
        if (frame.step2) this.becomeSynced();
        break;
      case "awareness":
        awarenessProtocol.applyAwarenessUpdate(this.awareness, frame.update, this);
        break;
      case "query_awareness":
        this.sendAwareness([this.doc.clientID]);
        break;
      case "acknowledged":
        this.acknowledged(frame.frames, frame.seq);
        break;
      case "news":
        for (const listener of this.newsListeners) listener(frame.topic);
        break;
      case "other":
        break;
    }
  }

  private setRole(role: Role): void {
    this.currentRole = role;
    this.changed();
  }

  /** What the server lacks, which covers every open update at once. */
  private answerSync(stateVector: Uint8Array): void {
    if (!this.writable) return;
    this.flushQueue();
    const frame = this.sendCounted(syncStep2(Y.encodeStateAsUpdate(this.doc, stateVector)));
    for (const open of this.open) open.frame = frame;
  }

  private becomeSynced(): void {
    this.synced = true;
    this.attempts = 0;
    this.changed();
    if (!this.restored) void this.restore();
  }

  /** Applies what an earlier page left unacknowledged; new parts travel as fresh updates. */
  private async restore(): Promise<void> {
    this.restored = true;
    const own = new Set(this.open.map((open) => open.id));
    const kept = (await this.store.load()).filter((item) => !own.has(item.id));
    if (kept.length === 0 || this.destroyed) return;
    if (!this.writable) {
      this.lost = kept.length;
      this.changed();
      return;
    }
    const current = kept.filter((item) => item.epoch === this.epoch);
    this.lost = kept.length - current.length;
    if (current.length > 0) {
      Y.applyUpdate(this.doc, Y.mergeUpdates(current.map((item) => item.update)), RESENT);
      this.flushQueue();
    }
    await this.store.drop(kept.map((item) => item.id));
    this.changed();
  }

  private acknowledged(frames: number, seq: number): void {
    this.clock.seq = Math.max(this.clock.seq, seq);
    const done = this.open.filter((open) => open.frame !== null && open.frame <= frames);
    if (done.length === 0) return;
    this.open = this.open.filter((open) => !done.includes(open));
    void this.store.drop(done.map((open) => open.id));
    this.changed();
  }

  private onLocalUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    this.queue.push(update);
    this.queueTimer ??= setTimeout(() => this.flush(), this.batchMs);
    this.changed();
  };

  /** Sends what waits for the batching pause. */
  flush(): void {
    this.flushQueue();
    this.changed();
  }

  private flushQueue(): void {
    if (this.queueTimer) clearTimeout(this.queueTimer);
    this.queueTimer = null;
    if (this.queue.length === 0) return;
    const update = this.queue.length === 1 ? this.queue[0] : Y.mergeUpdates(this.queue);
    this.queue = [];
    if (!update) return;
    const open: Open = { id: `${Date.now().toString(36)}-${crypto.randomUUID()}`, update, frame: null };
    this.open.push(open);
    void this.store.put({ id: open.id, epoch: this.epoch ?? 0, update });
    if (this.connected && this.synced && this.writable) open.frame = this.sendCounted(syncUpdate(update));
  }

  private sendCounted(frame: OutgoingFrame): number {
    this.socket?.send(frame);
    this.clock.sentFrames += 1;
    this.lastSent = Date.now();
    return this.clock.sentFrames;
  }

  private onAwareness = (
    change: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    if (origin === this) return;
    const own = [...change.added, ...change.updated, ...change.removed].filter(
      (id) => id === this.doc.clientID,
    );
    if (own.length > 0) this.sendAwareness(own);
  };

  private sendAwareness(clients: number[]): void {
    if (!this.connected || !this.awareness.meta.has(this.doc.clientID)) return;
    const frame = awarenessFrame(awarenessProtocol.encodeAwarenessUpdate(this.awareness, clients));
    this.socket?.send(frame);
  }

  private closed(code: number): void {
    this.socket = null;
    this.synced = false;
    for (const open of this.open) open.frame = null;
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this);
    if (code >= 4400 && code < 4500) this.final = FINAL[code] ?? "refused";
    else if (!this.destroyed) this.retry();
    this.changed();
  }

  /** Doubling with full jitter, so that a restarted server is not met by everyone at once. */
  private retry(): void {
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.attempts);
    this.attempts += 1;
    this.retryTimer = setTimeout(() => this.connect(), ceiling * (0.5 + this.random() / 2));
  }

  private watch(): void {
    if (!this.socket) return;
    const unanswered = this.open.some((open) => open.frame !== null) && Date.now() - this.lastSent > ACK_MS;
    const silent = Date.now() - this.lastHeard > SILENCE_MS;
    if (silent || (unanswered && Date.now() - this.lastHeard > ACK_MS)) this.connectionLost();
  }

  private get connected(): boolean {
    return this.socket?.readyState === 1;
  }

  private get writable(): boolean {
    return this.currentRole === "owner" || this.currentRole === "editor";
  }

  private changed(): void {
    const changes = this.open.length + (this.queue.length > 0 ? 1 : 0);
    const next = this.describe(changes);
    if (JSON.stringify(next) !== JSON.stringify(this.snapshot)) this.snapshot = next;
    for (const listener of this.listeners) listener();
  }

  private describe(changes: number): Connection {
    if (this.final) return { state: "closed", reason: this.final, changes };
    if (this.connected && this.synced) return changes > 0 ? { state: "saving", changes } : { state: "saved" };
    if (this.restored) return { state: "offline", changes };
    return this.attempts > 1 ? { state: "offline", changes } : { state: "connecting" };
  }
}
