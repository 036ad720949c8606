/**
 * Keeps one Y.Doc in step with its room on the server.
 *
 * What is shown as saved has been acknowledged: every local update is remembered, here and on
 * the device, until the server says that the frame that carried it is on disk. After a break
 * the sync answer carries what is still open; after a reload the remembered updates are applied
 * again and go the same way.
 */
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { Change } from "./changes";
import { backoffMs, type Connection, describe, type FinalReason, finalReason, HELD } from "./connection";
import {
  type Frame,
  type Limits,
  type Notice,
  type OutgoingFrame,
  type Role,
  readFrame,
  type ServerChange,
  syncStep1,
  syncStep2,
  syncUpdate,
} from "./frames";
import { Liveness, Signal } from "./liveness";
import { type Open, Outbox, RESENT } from "./outbox";
import { type HeldReason, MemoryPendingStore, type PendingStore, type PendingUpdate } from "./pending-store";
import { PresenceLink } from "./presence-link";

export type ProviderOptions = {
  doc: Y.Doc;
  /** Address of the room without its query, e.g. `ws://host/ws/doc/<id>`. */
  url: string;
  store?: PendingStore;
  WebSocket?: typeof WebSocket;
  batchMs?: number;
  random?: () => number;
  changesNow?: () => readonly Change[];
  carryOver?: (changes: readonly Change[]) => readonly Change[];
  /** Until then changes cannot be carried over: node types say which fields are texts. */
  ready?: Promise<void>;
};

/** Our own word for a connection given up on; never sent. */
const CONNECTION_LOST = 4500;
/** A quarantined document is looked after by somebody; ask now and then whether it is back. */
const QUARANTINE_RETRY_MS = 30_000;
/** How often changes of tabs that are gone are looked for. */
const ADOPT_MS = 20_000;

export class FlowProvider {
  readonly doc: Y.Doc;
  readonly clock = { sentFrames: 0, seq: 0 };
  private readonly outbox: Outbox;
  private readonly link: PresenceLink;
  private readonly batchMs: number;
  private readonly random: () => number;
  private readonly Socket: typeof WebSocket;
  private readonly listeners = new Set<() => void>();
  private readonly news = new Signal<string>();
  private readonly serverChanges = new Signal<ServerChange>();
  private readonly liveness = new Liveness();
  private socket: WebSocket | null = null;
  private epoch: number | null = null;
  private currentRole: Role | null = null;
  private limits: Limits = { update_bytes: 256 * 1024, answer_bytes: 4 * 1024 * 1024 };
  private queueTimer: ReturnType<typeof setTimeout> | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private watchTimer: ReturnType<typeof setInterval> | null = null;
  private attempts = 0;
  private lastAdopted = 0;
  private retryAt: number | null = null;
  private synced = false;
  private wasSynced = false;
  private final: FinalReason | null = null;
  private reopen = false;
  private destroyed = false;
  private lastNotice: Notice | null = null;
  private snapshot: Connection = { state: "connecting" };

  constructor(private readonly options: ProviderOptions) {
    this.doc = options.doc;
    this.outbox = new Outbox({
      doc: options.doc,
      store: options.store ?? new MemoryPendingStore(),
      changesNow: options.changesNow ?? (() => []),
      carryOver: options.carryOver ?? ((changes) => changes),
      ready: options.ready ?? Promise.resolve(),
      changed: () => this.changed(),
    });
    this.batchMs = options.batchMs ?? 25;
    this.random = options.random ?? Math.random;
    this.Socket = options.WebSocket ?? WebSocket;
    this.link = new PresenceLink(this.doc, (frame) => {
      if (this.connected) this.socket?.send(frame);
    });
    this.doc.on("update", this.onLocalUpdate);
    this.watchTimer = setInterval(() => this.watch(), 1_000);
    this.connect();
  }

  get awareness(): Awareness {
    return this.link.awareness;
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

  /** Changes the server will not take; the person may copy them. */
  get held(): readonly PendingUpdate[] {
    return this.outbox.held;
  }

  /** False when closing this page would lose what is not acknowledged. */
  get keepsOnDevice(): boolean {
    return this.outbox.keepsOnDevice;
  }

  /** What the server said just before it closed the connection. */
  get notice(): Notice | null {
    return this.final ? this.lastNotice : null;
  }

  /** This document shows what nobody else will see: it has to be opened anew. */
  get mustReopen(): boolean {
    return this.reopen;
  }

  get position(): { epoch: number; seq: number } {
    return { epoch: this.epoch ?? 0, seq: this.clock.seq };
  }

  dropHeld(): void {
    this.outbox.dropHeld();
    this.changed();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Rows beside the document changed (`comments`); whoever shows them reads them again. */
  readonly onNews = this.news.listen;

  /** What the server changed, and for whom; told after the change itself. */
  readonly onServerChange = this.serverChanges.listen;

  /** Tries now instead of waiting for the back-off (the browser says it is online again). */
  reconnectNow(): void {
    if (this.socket || this.destroyed || this.reopen) return;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    this.attempts = 0;
    this.final = null;
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
    for (const timer of [this.queueTimer, this.retryTimer]) if (timer) clearTimeout(timer);
    if (this.watchTimer) clearInterval(this.watchTimer);
    this.link.destroy();
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
    this.retryAt = null;
    this.liveness.heard();
    socket.onopen = () => {
      this.liveness.heard();
      socket.send(syncStep1(Y.encodeStateVector(this.doc)));
      this.link.tell();
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.liveness.heard();
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
        this.limits = frame.hello.limits;
        this.final = null;
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
        this.link.receive(frame.update);
        break;
      case "query_awareness":
        this.link.tell();
        break;
      case "acknowledged":
        this.acknowledged(frame.frames, frame.seq);
        break;
      case "changed":
        this.clock.seq = Math.max(this.clock.seq, frame.change.seq);
        this.serverChanges.tell(frame.change);
        break;
      case "notice":
        this.lastNotice = frame.notice;
        break;
      case "news":
        this.news.tell(frame.topic);
        break;
      case "other":
        break;
    }
  }

  private setRole(role: Role): void {
    this.currentRole = role;
    if (!this.writable) this.strand("role");
    this.changed();
  }

  /** What cannot be sent is held for the person, and the document opened anew without it. */
  private strand(reason: HeldReason): void {
    this.outbox.close(this.epoch ?? 0);
    if (this.outbox.open.length === 0) return;
    this.outbox.hold(reason);
    this.reopen = true;
    this.hangUp();
  }

  /** What the server lacks, which covers every open update at once. */
  private answerSync(stateVector: Uint8Array): void {
    if (!this.writable) return;
    this.outbox.close(this.epoch ?? 0);
    const update = Y.encodeStateAsUpdate(this.doc, stateVector);
    if (update.length > this.limits.answer_bytes) this.strand("too_large");
    else this.outbox.sentAll(this.sendCounted(syncStep2(update)));
  }

  private becomeSynced(): void {
    this.synced = true;
    this.wasSynced = true;
    this.attempts = 0;
    this.changed();
    void this.adopt();
  }

  /** Takes over what earlier pages and tabs that are gone left unacknowledged. */
  private async adopt(): Promise<void> {
    this.lastAdopted = Date.now();
    const epoch = this.epoch ?? 0;
    const adopted = await this.outbox.adopt(epoch, this.writable, () => !this.destroyed);
    if (this.destroyed) return;
    for (const open of adopted) if (this.outbox.open.includes(open)) this.send(open);
    this.flush();
    for (const open of this.outbox.open) if (open.frame === null) this.send(open);
    this.changed();
  }

  private acknowledged(frames: number, seq: number): void {
    this.clock.seq = Math.max(this.clock.seq, seq);
    if (this.outbox.acknowledged(frames)) this.changed();
  }

  private onLocalUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this || origin === RESENT) return;
    this.outbox.add(update);
    this.queueTimer ??= setTimeout(() => this.flush(), this.batchMs);
    this.changed();
  };

  /** Sends what waits for the batching pause. */
  flush(): void {
    if (this.queueTimer) clearTimeout(this.queueTimer);
    this.queueTimer = null;
    const open = this.outbox.close(this.epoch ?? 0);
    if (open) this.send(open);
    this.changed();
  }

  private send(open: Open): void {
    if (open.frame !== null || !this.connected || !this.synced || !this.writable) return;
    if (open.update.length <= this.limits.update_bytes)
      open.frame = this.sendCounted(syncUpdate(open.update));
    // Only the answer to the server's own question may be this large: connect anew, and it is asked.
    else this.reconnectFresh();
  }

  private reconnectFresh(): void {
    this.connectionLost();
    this.reconnectNow();
  }

  private sendCounted(frame: OutgoingFrame): number {
    this.socket?.send(frame);
    this.clock.sentFrames += 1;
    this.liveness.sent();
    return this.clock.sentFrames;
  }

  private hangUp(): void {
    if (this.socket) this.socket.onclose = null;
    this.socket?.close(1000);
    this.closed(1000);
  }

  private closed(code: number): void {
    const knew = this.currentRole;
    this.socket = null;
    this.synced = false;
    this.outbox.disconnected();
    this.link.forgetOthers();
    const final = finalReason(code);
    if (final) this.ended(final, knew);
    else if (!this.destroyed && !this.reopen) this.retry();
    this.changed();
  }

  /** A final word of the server; what was on its way is never dropped by it. */
  private ended(reason: FinalReason, knew: Role | null): void {
    this.final = reason;
    this.currentRole = null;
    const held = HELD[reason];
    if (held && knew !== null) this.strand(held);
    else if (reason === "stale_epoch") this.reopen = true;
    else if (reason === "quarantined") this.retryIn(QUARANTINE_RETRY_MS);
    else if (knew === null && (reason === "forbidden" || reason === "not_found")) void this.outbox.look();
  }

  private retry(): void {
    this.retryIn(backoffMs(this.attempts, this.random));
    this.attempts += 1;
  }

  private retryIn(delayMs: number): void {
    this.retryAt = Date.now() + delayMs;
    this.retryTimer = setTimeout(() => this.connect(), delayMs);
  }

  private watch(): void {
    const isWaiting = this.outbox.open.some((open) => open.frame !== null);
    const { slept, isDead } = this.liveness.tick(isWaiting);
    if (!this.socket) {
      if (slept && !this.final) this.reconnectNow();
    } else if (isDead) this.reconnectFresh();
    else if (this.synced && Date.now() - this.lastAdopted > ADOPT_MS) void this.adopt();
  }

  private get connected(): boolean {
    return this.socket?.readyState === 1;
  }

  private get writable(): boolean {
    return this.currentRole === "owner" || this.currentRole === "editor";
  }

  private changed(): void {
    const next = describe({
      final: this.final,
      isLive: this.connected && this.synced,
      wasLive: this.wasSynced,
      attempts: this.attempts,
      retryAt: this.retryAt,
      changes: this.outbox.waiting,
    });
    if (JSON.stringify(next) !== JSON.stringify(this.snapshot)) this.snapshot = next;
    for (const listener of this.listeners) listener();
  }
}
