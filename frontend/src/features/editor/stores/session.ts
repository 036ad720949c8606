/**
 * Everything that belongs to one open flow and to nothing else: document, connection, undo,
 * presence, runs and interface state. Made when a flow opens, destroyed when it closes.
 */
import * as Y from "yjs";
import {
  type Change,
  ChangeRecorder,
  FlowOperations,
  FlowProvider,
  type FlowRoots,
  FlowUndo,
  inputPort,
  LiveFlow,
  LocalOrigin,
  type NodeTypes,
  PresenceSender,
  pendingStoreFor,
  rootsOf,
  type Written,
} from "@/flow-core";
import type { RunEvent } from "../api/types";
import { Away } from "./away";
import { applyDebugEvents, createDebugStore, type DebugStore } from "./debug-store";
import { Follow } from "./follow";
import { createIssueStore, type IssueStore } from "./issue-store";
import { createPresenceStore, type PresenceStore } from "./presence-store";
import { RunSocket } from "./run-socket";
import { createRunStore, type RunStore } from "./run-store";
import { ServerWriters } from "./server-writers";
import { createUiStore, type KeptUi, type UiStore } from "./ui-store";
import { undoMemory } from "./undo-memory";

export type SessionOptions = {
  workspaceId: string;
  flowId: string;
  personId: string;
  /** What the screen showed of the same flow a moment ago. */
  ui?: KeptUi;
};

export class EditorSession {
  readonly workspaceId: string;
  readonly flowId: string;
  readonly personId: string;
  readonly doc = new Y.Doc();
  readonly roots: FlowRoots = rootsOf(this.doc);
  readonly live: LiveFlow;
  readonly recorder: ChangeRecorder;
  readonly provider: FlowProvider;
  readonly operations: FlowOperations;
  readonly serverWriters: ServerWriters;
  readonly undo: FlowUndo;
  readonly presence: PresenceSender;
  readonly people: PresenceStore;
  readonly follow: Follow;
  readonly away: Away;
  readonly ui: UiStore;
  readonly runs: RunStore = createRunStore();
  readonly debug: DebugStore = createDebugStore();
  readonly issues: IssueStore = createIssueStore();
  readonly runSocket: RunSocket;
  private types: NodeTypes = { get: () => undefined };
  private typesKnown: () => void = () => undefined;
  /** Set by the page, which reads the workspace's node types anew. */
  typesChanged: () => void = () => undefined;
  private readonly runListeners = new Set<(events: readonly RunEvent[]) => void>();

  constructor(options: SessionOptions) {
    this.workspaceId = options.workspaceId;
    this.flowId = options.flowId;
    this.ui = createUiStore(options.ui);
    this.personId = options.personId;
    this.live = new LiveFlow(this.roots, () => true);
    this.operations = new FlowOperations({
      roots: this.roots,
      types: () => this.types,
      personId: options.personId,
    });
    const scope = `${options.flowId}:${options.personId}`;
    this.recorder = new ChangeRecorder(this.roots, this.live);
    this.undo = new FlowUndo(
      this.recorder,
      (changes, origin) => this.operations.write(changes, origin, false),
      undoMemory(scope),
    );
    this.provider = new FlowProvider({
      doc: this.doc,
      url: socketUrl(`/ws/doc/${options.flowId}`),
      store: pendingStoreFor(scope),
      changesNow: () => this.recorder.newest,
      ready: new Promise((resolve) => {
        this.typesKnown = resolve;
      }),
      carryOver: (changes) => this.bringIn("carry_over", changes).refused,
    });
    this.serverWriters = new ServerWriters(this);
    this.away = new Away(this, scope);
    this.presence = new PresenceSender(this.provider.awareness);
    this.people = createPresenceStore(this.provider);
    this.follow = new Follow(this.provider, this.presence);
    this.runSocket = new RunSocket(
      socketUrl(`/ws/flow/${options.flowId}`),
      this.runs,
      (events) => {
        applyDebugEvents(this.debug, events);
        for (const listener of this.runListeners) listener(events);
      },
      () => this.typesChanged(),
    );
    window.addEventListener("online", this.onOnline);
    window.addEventListener("offline", this.onOffline);
    window.addEventListener("beforeunload", this.onUnload);
    window.addEventListener("pagehide", this.onHide);
    document.addEventListener("visibilitychange", this.onHide);
    if (this.ui.getState().selected.size > 0)
      this.presence.set({ selection: [...this.ui.getState().selected] });
    this.ui.subscribe((state, before) => {
      if (state.selected !== before.selected) this.presence.set({ selection: [...state.selected] });
    });
  }

  setTypes(types: NodeTypes): void {
    this.types = types;
    this.typesKnown();
    this.live.setMultiple((type, port) => {
      const spec = types.get(type);
      // As on the server: a port nobody declared, and what a container takes from inside, takes any number.
      const known = inputPort(spec, port);
      return known ? (known.multiple ?? false) : true;
    });
  }

  get nodeTypes(): NodeTypes {
    return this.types;
  }

  /** Changes told in words of the flow, as one undo step; what others have overtaken is refused. */
  bringIn(name: string, changes: readonly Change[]): Written {
    this.undo.cut();
    const written = this.operations.write(changes, new LocalOrigin(name));
    this.undo.cut();
    return written;
  }

  /** Others keep showing a drag until its drop is on disk, so that nothing jumps back meanwhile. */
  endDrag = (): void => {
    this.stopDrag();
    this.provider.flush();
    const clear = (): void => {
      if (this.provider.connection.state === "saving") return;
      this.stopDrag();
      this.presence.set({ drag: null });
      this.presence.flush();
    };
    this.stopDrag = this.provider.subscribe(clear);
    clear();
  };

  private stopDrag: () => void = () => undefined;

  onRunEvents = (listener: (events: readonly RunEvent[]) => void): (() => void) => {
    this.runListeners.add(listener);
    return () => this.runListeners.delete(listener);
  };

  destroy(): void {
    window.removeEventListener("online", this.onOnline);
    window.removeEventListener("offline", this.onOffline);
    window.removeEventListener("beforeunload", this.onUnload);
    window.removeEventListener("pagehide", this.onHide);
    document.removeEventListener("visibilitychange", this.onHide);
    this.serverWriters.destroy();
    this.follow.destroy();
    this.away.destroy();
    this.stopDrag();
    this.presence.destroy();
    this.runSocket.destroy();
    this.undo.destroy();
    this.recorder.destroy();
    this.live.destroy();
    this.provider.destroy();
    this.doc.destroy();
  }

  private onOnline = (): void => this.provider.reconnectNow();
  private onOffline = (): void => this.provider.connectionLost();
  /** Only a browser that keeps nothing on the device makes leaving dangerous. */
  private onUnload = (event: BeforeUnloadEvent): void => {
    this.provider.flush();
    const isOpen = "changes" in this.provider.connection && this.provider.connection.changes > 0;
    if (isOpen && !this.provider.keepsOnDevice) event.preventDefault();
  };

  /** Hidden tabs get their timers late, and may be thrown away without a word. */
  private onHide = (event: Event): void => {
    this.presence.set(document.hidden ? { hidden: true, cursor: null } : { hidden: false });
    if (document.hidden) this.presence.flush();
    this.provider.flush();
    this.undo.save();
    if (document.hidden || event.type === "pagehide") this.away.leave();
    else this.away.comeBack();
  };
}

function socketUrl(path: string): string {
  const address = new URL(path, window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}
