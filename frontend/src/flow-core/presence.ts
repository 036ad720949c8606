/** What people show each other while a flow is open; never stored. */
import type { Awareness } from "y-protocols/awareness";
import { isObject } from "./json";

export type PresenceUser = { id: string; name: string; color: number };

export type Presence = {
  user?: PresenceUser;
  /** Canvas coordinates. */
  cursor?: { x: number; y: number } | null;
  selection?: string[];
  editing?: { node: string; field: string } | null;
  /** A drag in flight; positions are written on drop. */
  drag?: { ids: string[]; dx: number; dy: number } | null;
};

export type Peer = Presence & { clientId: number; user: PresenceUser };

const MAX_SELECTION = 200;

/** Everyone else's presence. Malformed states are ignored; they come from other people. */
export function peersOf(awareness: Awareness): Peer[] {
  const peers: Peer[] = [];
  for (const [clientId, state] of awareness.getStates()) {
    if (clientId === awareness.clientID) continue;
    const peer = readPeer(clientId, state);
    if (peer) peers.push(peer);
  }
  return peers.sort((a, b) => a.clientId - b.clientId);
}

function readPeer(clientId: number, state: unknown): Peer | null {
  if (!isObject(state) || !isObject(state.user)) return null;
  const user = state.user;
  const peer: Peer = {
    clientId,
    user: {
      id: String(user.id ?? clientId),
      name: String(user.name ?? "").slice(0, 80),
      color: personColor(user.color),
    },
  };
  if (isObject(state.cursor)) peer.cursor = { x: number(state.cursor.x), y: number(state.cursor.y) };
  if (Array.isArray(state.selection)) peer.selection = state.selection.map(String).slice(0, MAX_SELECTION);
  if (isObject(state.editing)) {
    peer.editing = { node: String(state.editing.node), field: String(state.editing.field) };
  }
  if (isObject(state.drag) && Array.isArray(state.drag.ids)) {
    peer.drag = { ids: state.drag.ids.map(String), dx: number(state.drag.dx), dy: number(state.drag.dy) };
  }
  return peer;
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** The eight person colours are numbered from 1. */
export function personColor(value: unknown): number {
  return ((((Math.trunc(number(value)) - 1) % 8) + 8) % 8) + 1;
}

export function colorOf(user: { color: number }): string {
  return `var(--user-${personColor(user.color)})`;
}

/** Sends presence at most every `intervalMs`, the newest state last. */
export class PresenceSender {
  private pending: Presence = {};
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly awareness: Awareness,
    private readonly intervalMs = 40,
  ) {}

  set(change: Presence): void {
    this.pending = { ...this.pending, ...change };
    this.timer ??= setTimeout(() => this.flush(), this.intervalMs);
  }

  flush(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const selection = this.pending.selection?.slice(0, MAX_SELECTION);
    const state = { ...this.awareness.getLocalState(), ...this.pending, ...(selection ? { selection } : {}) };
    this.pending = {};
    this.awareness.setLocalState(state);
  }

  destroy(): void {
    if (this.timer) clearTimeout(this.timer);
  }
}
