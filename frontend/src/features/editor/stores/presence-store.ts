/** Other people in this flow, split so that a moving cursor does not touch what shows selections. */
import { createStore } from "zustand/vanilla";
import { type FlowProvider, type Peer, peersOf, sameJson } from "@/flow-core";

export type PresenceState = {
  peers: readonly Peer[];
  /** One entry per person, however many windows they have open. */
  people: readonly Peer[];
  selections: ReadonlyMap<string, Peer>;
  /** Keyed `node.field`. */
  editing: ReadonlyMap<string, Peer>;
  drags: readonly NonNullable<Peer["drag"]>[];
};

export function createPresenceStore(provider: FlowProvider) {
  const store = createStore<PresenceState>()(() => ({
    peers: [],
    people: [],
    selections: new Map(),
    editing: new Map(),
    drags: [],
  }));
  const read = (): void => {
    const before = store.getState();
    const peers = peersOf(provider.awareness);
    const next: PresenceState = {
      peers,
      people: onePerPerson(peers),
      selections: byNode(peers),
      editing: byField(peers),
      drags: peers.flatMap((peer) => (peer.drag ? [peer.drag] : [])),
    };
    store.setState({
      ...next,
      people: sameList(before.people, next.people) ? before.people : next.people,
      selections: sameMap(before.selections, next.selections) ? before.selections : next.selections,
      editing: sameMap(before.editing, next.editing) ? before.editing : next.editing,
      drags: sameJson(before.drags, next.drags) ? before.drags : next.drags,
    });
  };
  provider.awareness.on("change", read);
  return store;
}

export type PresenceStore = ReturnType<typeof createPresenceStore>;

function onePerPerson(peers: readonly Peer[]): Peer[] {
  return [...new Map(peers.map((peer) => [peer.user.id, peer])).values()];
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

function samePerson(a: Peer | undefined, b: Peer): boolean {
  return a !== undefined && a.clientId === b.clientId && sameJson(a.user, b.user);
}

function sameMap(a: ReadonlyMap<string, Peer>, b: ReadonlyMap<string, Peer>): boolean {
  return a.size === b.size && [...b].every(([key, peer]) => samePerson(a.get(key), peer));
}

function sameList(a: readonly Peer[], b: readonly Peer[]): boolean {
  return a.length === b.length && b.every((peer, index) => samePerson(a[index], peer));
}
