/** What people show each other while a flow is open; never stored. */
import type { Awareness } from "y-protocols/awareness";
import { isObject, type JsonObject } from "./json";

export type PresenceUser = { id: string; name: string; color: number };

export type Presence = {
  user?: PresenceUser;
  /** Canvas coordinates. */
  cursor?: { x: number; y: number } | null;
  selection?: string[];
  editing?: { node: string; field: string } | null;
  /** A drag in flight; positions are written on drop. */
  drag?: Drag | null;
  /** What this window shows, in canvas coordinates; told while somebody follows. */
  viewport?: Area | null;
  /** The window this one follows, by client id. */
  following?: number | null;
  /** The page is in the background. */
  hidden?: boolean;
};

export type Area = { x: number; y: number; width: number; height: number };
/** `from` is where the first node stood: once the document has it elsewhere, the drag is over. */
export type Drag = { ids: string[]; dx: number; dy: number; from?: { x: number; y: number } };

export type Peer = Presence & { clientId: number; user: PresenceUser };

const MAX_SELECTION = 200;
/** The server drops a state of more than 4 KB; names and frame need some of it. */
const MAX_IDS_LETTERS = 3_000;

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
  // Writers without a window are told by their change, with what they changed.
  if (user.role === "server") return null;
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
  if (isObject(state.drag)) peer.drag = readDrag(state.drag, peer.selection ?? []);
  if (isObject(state.viewport)) peer.viewport = readArea(state.viewport);
  if (typeof state.following === "number") peer.following = state.following;
  peer.hidden = state.hidden === true;
  return peer;
}

/** A drag without ids is one of the selection, which need not be told twice. */
function readDrag(drag: JsonObject, selection: string[]): Drag {
  const ids = Array.isArray(drag.ids) ? drag.ids.map(String).slice(0, MAX_SELECTION) : selection;
  const from = isObject(drag.from) ? { from: { x: number(drag.from.x), y: number(drag.from.y) } } : {};
  return { ids, dx: number(drag.dx), dy: number(drag.dy), ...from };
}

function readArea(area: JsonObject): Area {
  return {
    x: number(area.x),
    y: number(area.y),
    width: Math.max(1, number(area.width)),
    height: Math.max(1, number(area.height)),
  };
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
    const state = { ...this.awareness.getLocalState(), ...this.pending } as Presence;
    this.pending = {};
    this.awareness.setLocalState(withinLimits(state));
  }

  destroy(): void {
    if (this.timer) clearTimeout(this.timer);
  }
}

function withinLimits(state: Presence): Record<string, unknown> {
  const selection = fitting(state.selection ?? []);
  if (!state.drag) return { ...state, selection };
  const { ids, ...rest } = state.drag;
  const isSelection = ids === undefined || sameMembers(ids, state.selection ?? []);
  return { ...state, selection, drag: isSelection ? rest : { ...rest, ids: fitting(ids) } };
}

function fitting(ids: readonly string[]): string[] {
  let letters = 0;
  const kept = [];
  for (const id of ids.slice(0, MAX_SELECTION)) {
    letters += id.length + 3;
    if (letters > MAX_IDS_LETTERS) break;
    kept.push(id);
  }
  return kept;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  const known = new Set(b);
  return a.length === b.length && a.every((id) => known.has(id));
}
