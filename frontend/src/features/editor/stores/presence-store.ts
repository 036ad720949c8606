/** Other people in this flow, split so that a moving cursor does not touch what shows selections. */
import { createStore } from "zustand/vanilla";
import { type FlowProvider, type Peer, peersOf, sameJson } from "@/flow-core";

export type PresenceState = {
  /** One entry per person, however many windows they have open; the window they look at first. */
  people: readonly Peer[];
  /** Every window of others; changes as people come and go, not as they move. */
  windows: readonly Peer[];
  selections: ReadonlyMap<string, Peer>;
  /** Keyed `node.field`. */
  editing: ReadonlyMap<string, Peer>;
  /** Keyed by node. */
  editingNode: ReadonlyMap<string, Peer>;
  drags: readonly NonNullable<Peer["drag"]>[];
};

export function createPresenceStore(provider: FlowProvider) {
  const store = createStore<PresenceState>()(() => ({
    people: [],
    windows: [],
    selections: new Map(),
    editing: new Map(),
    editingNode: new Map(),
    drags: [],
  }));
  const read = (): void => {
    const before = store.getState();
    const peers = peersOf(provider.awareness);
    const next: PresenceState = {
      people: kept(before.people, onePerPerson(peers), sameList),
      windows: kept(before.windows, peers, sameList),
      selections: kept(before.selections, byNode(peers), sameMap),
      editing: kept(before.editing, byField(peers), sameMap),
      editingNode: kept(before.editingNode, byEditedNode(peers), sameEdits),
      drags: kept<PresenceState["drags"]>(
        before.drags,
        peers.flatMap((peer) => (peer.drag ? [peer.drag] : [])),
        sameJson,
      ),
    };
    // A pointer that moves is nobody's business here: the cursor layer reads it by itself.
    const parts = Object.keys(next) as (keyof PresenceState)[];
    if (parts.some((part) => next[part] !== before[part])) store.setState(next);
  };
  provider.awareness.on("change", read);
  return store;
}

function kept<T>(before: T, next: T, same: (a: T, b: T) => boolean): T {
  return same(before, next) ? before : next;
}

export type PresenceStore = ReturnType<typeof createPresenceStore>;

function onePerPerson(peers: readonly Peer[]): Peer[] {
  const lookedAt = [...peers].sort((a, b) => Number(b.hidden ?? false) - Number(a.hidden ?? false));
  return [...new Map(lookedAt.map((peer) => [peer.user.id, peer])).values()].sort(
    (a, b) => a.clientId - b.clientId,
  );
}

function byNode(peers: readonly Peer[]): Map<string, Peer> {
  return new Map(peers.flatMap((peer) => (peer.selection ?? []).map((id) => [id, peer] as const)));
}

function byField(peers: readonly Peer[]): Map<string, Peer> {
  return new Map(
    peers.flatMap((peer) =>
      peer.editing ? [[`${peer.editing.node}.${peer.editing.field}`, peer] as const] : [],
    ),
  );
}

function byEditedNode(peers: readonly Peer[]): Map<string, Peer> {
  return new Map(peers.flatMap((peer) => (peer.editing ? [[peer.editing.node, peer] as const] : [])));
}

function sameEdits(a: ReadonlyMap<string, Peer>, b: ReadonlyMap<string, Peer>): boolean {
  return sameMap(a, b) && [...b].every(([key, peer]) => a.get(key)?.editing?.field === peer.editing?.field);
}

function samePerson(a: Peer | undefined, b: Peer): boolean {
  return a !== undefined && a.clientId === b.clientId && a.hidden === b.hidden && sameJson(a.user, b.user);
}

function sameMap(a: ReadonlyMap<string, Peer>, b: ReadonlyMap<string, Peer>): boolean {
  return a.size === b.size && [...b].every(([key, peer]) => samePerson(a.get(key), peer));
}

function sameList(a: readonly Peer[], b: readonly Peer[]): boolean {
  return a.length === b.length && b.every((peer, index) => samePerson(a[index], peer));
}
