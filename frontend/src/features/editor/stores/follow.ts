/**
 * Following a person: the follower names the window, the window tells what it shows while it is
 * followed. Leaving ends it, and a circle of followers is cut.
 */
import { createStore } from "zustand/vanilla";
import { type Area, type FlowProvider, type Peer, type PresenceSender, peersOf } from "@/flow-core";

export type FollowState = { leader: Peer | null; followers: number; view: Area | null };
export type FollowRefusal = "loop";

export class Follow {
  readonly store = createStore<FollowState>()(() => ({ leader: null, followers: 0, view: null }));
  private leftListener: ((leader: Peer) => void) | null = null;

  constructor(
    private readonly provider: FlowProvider,
    private readonly presence: PresenceSender,
  ) {
    provider.awareness.on("change", this.read);
  }

  /** Told when the leader goes, so that the view does not just stand still. */
  onLeft(listener: (leader: Peer) => void): () => void {
    this.leftListener = listener;
    return () => {
      this.leftListener = null;
    };
  }

  start(leader: Peer): FollowRefusal | null {
    const me = this.provider.awareness.clientID;
    if (leadsTo(leader.clientId, me, peersOf(this.provider.awareness))) return "loop";
    this.store.setState({ leader, view: leader.viewport ?? null });
    this.presence.set({ following: leader.clientId });
    this.presence.flush();
    return null;
  }

  stop(): void {
    if (!this.store.getState().leader) return;
    this.store.setState({ leader: null, view: null });
    this.presence.set({ following: null });
    this.presence.flush();
  }

  destroy(): void {
    this.provider.awareness.off("change", this.read);
  }

  private read = (): void => {
    const peers = peersOf(this.provider.awareness);
    const me = this.provider.awareness.clientID;
    const before = this.store.getState();
    const followers = peers.filter((peer) => peer.following === me).length;
    const leader = before.leader && peers.find((peer) => peer.clientId === before.leader?.clientId);
    if (followers !== before.followers) this.store.setState({ followers });
    if (!before.leader) return;
    if (!leader) {
      this.stop();
      this.leftListener?.(before.leader);
    } else if (leadsTo(leader.clientId, me, peers) && me < leader.clientId) this.stop();
    else if (leader.viewport && !sameArea(leader.viewport, before.view)) {
      this.store.setState({ view: leader.viewport });
    }
  };
}

/** Whether following `from` would, step by step, mean following oneself. */
export function leadsTo(from: number, me: number, peers: readonly Peer[]): boolean {
  const next = new Map(peers.map((peer) => [peer.clientId, peer.following]));
  const seen = new Set<number>();
  for (let at: number | null | undefined = from; typeof at === "number"; at = next.get(at)) {
    if (at === me) return true;
    if (seen.has(at)) return false;
    seen.add(at);
  }
  return false;
}

function sameArea(a: Area, b: Area | null): boolean {
  return b !== null && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
