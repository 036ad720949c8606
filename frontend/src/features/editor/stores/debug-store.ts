/** Debug sessions of one open flow's runs: the fold of their events, the same for everybody who looks. */
import { createStore } from "zustand/vanilla";
import type { DebugHit, DebugState } from "../api/debug";
import type { RunEvent } from "../api/types";

export type DebugView = {
  lastSeq: number;
  state: DebugState | null;
  /** What each standing node would get, by the id of its stop. */
  hits: ReadonlyMap<string, DebugHit>;
};

export type DebugSessions = { sessions: ReadonlyMap<string, DebugView> };

const NONE: DebugView = { lastSeq: 0, state: null, hits: new Map() };
const ENDS: ReadonlySet<string> = new Set(["run_completed", "run_failed", "run_cancelled"]);

export function createDebugStore() {
  return createStore<DebugSessions>()(() => ({ sessions: new Map() }));
}

export type DebugStore = ReturnType<typeof createDebugStore>;

/** Applies events in order; those already applied are skipped, so a resume may overlap. */
export function applyDebugEvents(store: DebugStore, events: readonly RunEvent[]): void {
  const before = store.getState().sessions;
  const sessions = new Map(before);
  for (const event of events) {
    const view = sessions.get(event.run_id) ?? NONE;
    if (event.seq <= view.lastSeq) continue;
    const next = applied(view, event);
    if (next !== view) sessions.set(event.run_id, { ...next, lastSeq: event.seq });
  }
  if (sessions.size !== before.size || [...sessions].some(([id, view]) => before.get(id) !== view))
    store.setState({ sessions });
}

function applied(view: DebugView, event: RunEvent): DebugView {
  if (event.type === "debug_state") {
    const told = event.data as unknown as DebugState;
    // A state is also told when nodes arrive; whose command was the last stays known, however they are bundled.
    const state = told.command || !view.state?.command ? told : { ...told, command: view.state.command };
    const standing = new Set(state.stops.map((stop) => stop.id));
    return { ...view, state, hits: new Map([...view.hits].filter(([id]) => standing.has(id))) };
  }
  if (event.type === "breakpoint_hit") {
    const hit = event.data as unknown as DebugHit;
    return { ...view, hits: new Map(view.hits).set(hit.stop.id, hit) };
  }
  if (ENDS.has(event.type) && view.state) return { ...view, state: null, hits: new Map() };
  return view;
}
