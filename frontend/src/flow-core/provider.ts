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
import { type Connection, describe, type FinalReason, finalReason, HELD } from "./connection";
import { type Frame, type Limits, type Notice, type Role, syncStep1, syncStep2, syncUpdate } from "./frames";
import { Outbox, RESENT } from "./outbox";
import { type HeldReason, MemoryPendingStore, type PendingStore, type PendingUpdate } from "./pending-store";
import { PresenceLink } from "./presence-link";
import { RoomNews } from "./room-news";
import { RoomSocket } from "./room-socket";

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

/** A quarantined document is looked after by somebody; ask now and then whether it is back. */
const QUARANTINE_RETRY_MS = 30_000;
/** How often changes of tabs that are gone are looked for. */
const ADOPT_MS = 20_000;
/** Letters typed within are one frame. */
const BATCH_MS = 25;

export class FlowProvider {
  readonly doc: Y.Doc;
  private readonly outbox: Outbox;
  private readonly socket: RoomSocket;
  private readonly link: PresenceLink;
  private readonly listeners = new Set<() => void>();
  private readonly news = new RoomNews();
  private readonly adoptTimer: ReturnType<typeof setInterval>;
  private epoch: number | null = null;
  private seq = 0;
  private currentRole: Role | null = null;
  private limits: Limits = { update_bytes: 256 * 1024, answer_bytes: 4 * 1024 * 1024 };
  private queueTimer: ReturnType<typeof setTimeout> | null = null;
  private synced = false;
  private wasSynced = false;
  private final: FinalReason | null = null;
  /** What is shown holds changes that were taken out of the way to the server. */
  private diverged = false;
  private reopen = false;
  private destroyed = false;
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
    this.socket = new RoomSocket({
      url: options.url,
      WebSocket: options.WebSocket,
      random: options.random,
      epoch: () => this.epoch,
      connecting: () => this.changed(),
      opened: () => this.greet(),
      received: (frame) => this.receive(frame),
      closed: (code) => this.closed(code),
      isWaiting: () => this.outbox.isSent,
      wokeUp: () => {
        if (!this.final) this.reconnectNow();
      },
    });
    this.link = new PresenceLink(this.doc, (frame) => this.socket.send(frame));
    this.doc.on("update", this.onLocalUpdate);
    this.adoptTimer = setInterval(() => this.synced && void this.adopt(), ADOPT_MS);
    this.socket.connect();
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
    return this.final ? this.news.notice : null;
  }

  /** This document shows what nobody else will see: it has to be opened anew. */
  get mustReopen(): boolean {
    return this.reopen;
  }

  get position(): { epoch: number; seq: number } {
    return { epoch: this.epoch ?? 0, seq: this.seq };
  }

  /** Writes what is held into the document again; whatever another tab has taken meanwhile is left out. */
  async takeHeld(write: (changes: readonly Change[]) => void): Promise<void> {
    await this.outbox.takeHeld(this.epoch ?? 0, write);
    this.sendOpen();
    this.changed();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Rows beside the document changed (`comments`); whoever shows them reads them again. */
  readonly onNews = this.news.topics.listen;

  /** What the server changed, and for whom; told after the change itself. */
  readonly onServerChange = this.news.changes.listen;

  /** Tries now instead of waiting for the back-off (the browser says it is online again). */
  reconnectNow(): void {
    if (this.socket.exists || this.destroyed || this.reopen) return;
    this.socket.attempts = 0;
    this.final = null;
    this.reopen = this.diverged;
    if (this.reopen) this.changed();
    else this.socket.connect();
  }

  /** The browser says the network is gone: what is unacknowledged counts as kept here from now on. */
  connectionLost(): void {
    this.socket.lose();
  }

  destroy(): void {
    this.flush();
    this.destroyed = true;
    this.doc.off("update", this.onLocalUpdate);
    if (this.queueTimer) clearTimeout(this.queueTimer);
    clearInterval(this.adoptTimer);
    this.link.destroy();
    this.socket.destroy();
  }

  private greet(): void {
    this.socket.send(syncStep1(Y.encodeStateVector(this.doc)));
    this.link.tell();
  }

  private receive(frame: Frame): void {
    switch (frame.kind) {
      case "hello":
        this.epoch = frame.hello.epoch;
        this.limits = frame.hello.limits;
        this.final = null;
        this.seq = frame.hello.seq;
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
        this.seq = Math.max(this.seq, frame.change.seq);
        this.news.receive(frame);
        break;
      default:
        this.news.receive(frame);
    }
  }

  private setRole(role: Role): void {
    this.currentRole = role;
    if (!this.writable) this.strand("role");
    this.changed();
  }

  /** What cannot be sent is held for the person, and the document opened anew without it. */
  private strand(reason: HeldReason): void {
    if (!this.hold(reason)) return;
    this.reopen = true;
    this.socket.hangUp();
  }

  /** Returns whether there was anything. */
  private hold(reason: HeldReason): boolean {
    this.outbox.close(this.epoch ?? 0);
    if (this.outbox.open.length === 0) return false;
    this.outbox.hold(reason);
    this.diverged = true;
    return true;
  }

  /** What the server lacks, which covers every open update at once. */
  private answerSync(stateVector: Uint8Array): void {
    if (!this.writable) return;
    this.outbox.close(this.epoch ?? 0);
    const update = Y.encodeStateAsUpdate(this.doc, stateVector);
    if (update.length > this.limits.answer_bytes) this.strand("too_large");
    else this.outbox.sentAll(this.socket.sendCounted(syncStep2(update)));
  }

  private becomeSynced(): void {
    this.synced = true;
    this.wasSynced = true;
    this.socket.attempts = 0;
    this.changed();
    void this.adopt();
  }

  /** Takes over what earlier pages and tabs that are gone left unacknowledged. */
  private async adopt(): Promise<void> {
    await this.outbox.adopt(this.epoch ?? 0, this.writable, () => !this.destroyed);
    if (this.destroyed) return;
    this.outbox.close(this.epoch ?? 0);
    this.sendOpen();
    this.changed();
  }

  private acknowledged(frames: number, seq: number): void {
    this.seq = Math.max(this.seq, seq);
    if (this.outbox.acknowledged(frames)) this.changed();
  }

  private onLocalUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this || origin === RESENT) return;
    this.outbox.add(update);
    this.queueTimer ??= setTimeout(() => this.flush(), this.options.batchMs ?? BATCH_MS);
    this.changed();
  };

  /** Sends what waits for the batching pause. */
  flush(): void {
    if (this.queueTimer) clearTimeout(this.queueTimer);
    this.queueTimer = null;
    this.outbox.close(this.epoch ?? 0, !this.canSend);
    this.sendOpen();
    this.changed();
  }

  /** All that is not on its way yet, in one frame: hours of offline typing must not look like a flood. */
  private sendOpen(): void {
    const update = this.canSend ? this.outbox.unsent : null;
    if (!update) return;
    if (update.length <= this.limits.update_bytes) {
      this.outbox.sentRest(this.socket.sendCounted(syncUpdate(update)));
    } else {
      // Only the answer to the server's own question may be this large: connect anew, and it is asked.
      this.connectionLost();
      this.reconnectNow();
    }
  }

  private closed(code: number): void {
    const knew = this.currentRole;
    this.synced = false;
    this.outbox.disconnected();
    this.link.forgetOthers();
    const final = finalReason(code);
    if (final) this.ended(final, knew);
    else if (!this.destroyed && !this.reopen) this.socket.retry();
    this.changed();
  }

  /** A final word of the server; what was on its way is never dropped by it. */
  private ended(reason: FinalReason, knew: Role | null): void {
    this.final = reason;
    this.currentRole = null;
    const held = HELD[reason];
    // Of a flow that is gone there is no other state to show.
    if (knew !== null && reason === "not_found") this.hold("gone");
    else if (held && knew !== null) this.strand(held);
    else if (reason === "stale_epoch") this.reopen = true;
    else if (reason === "quarantined") this.socket.retryIn(QUARANTINE_RETRY_MS);
    else if (knew === null && (reason === "forbidden" || reason === "not_found")) void this.outbox.look();
  }

  private get canSend(): boolean {
    return this.socket.isOpen && this.synced && this.writable;
  }

  private get writable(): boolean {
    return this.currentRole === "owner" || this.currentRole === "editor";
  }

  private changed(): void {
    const next = describe({
      final: this.final,
      isLive: this.socket.isOpen && this.synced && this.outbox.hasLooked,
      wasLive: this.wasSynced && this.outbox.hasLooked,
      attempts: this.socket.attempts,
      retryAt: this.socket.retryAt,
      changes: this.outbox.waiting,
    });
    if (JSON.stringify(next) !== JSON.stringify(this.snapshot)) this.snapshot = next;
    for (const listener of this.listeners) listener();
  }
}
