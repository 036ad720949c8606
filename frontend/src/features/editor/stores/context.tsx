/** The open flow for components: narrow hooks, each re-renders only when what it read changed. */
import { createContext, useContext, useSyncExternalStore } from "react";
import { useStore } from "zustand";
import { useStoreWithEqualityFn } from "zustand/traditional";
import type { Connection, LiveSnapshot, NodeSpec, NodeTypes, Role } from "@/flow-core";
import type { IssueIndex } from "./issue-store";
import type { PresenceState } from "./presence-store";
import type { RunsState } from "./run-store";
import type { EditorSession } from "./session";
import type { UiState } from "./ui-store";

export type Catalogue = NodeTypes & { list: readonly NodeSpec[] };

const SessionContext = createContext<EditorSession | null>(null);
const CatalogueContext = createContext<Catalogue | null>(null);

export const SessionProvider = SessionContext.Provider;
export const CatalogueProvider = CatalogueContext.Provider;

export function useEditor(): EditorSession {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useEditor needs an open flow");
  return session;
}

export function useCatalogue(): Catalogue {
  const catalogue = useContext(CatalogueContext);
  if (!catalogue) throw new Error("useCatalogue needs the node types");
  return catalogue;
}

/** A part of the problem list; a card reads only its own problems. */
export function useIssues<T>(selector: (index: IssueIndex) => T): T {
  return useStore(useEditor().issues, selector);
}

/** A part of the projected document; parts that did not change keep their identity. */
export function useFlow<T>(selector: (snapshot: LiveSnapshot) => T): T {
  const { live } = useEditor();
  return useSyncExternalStore(live.subscribe, () => selector(live.snapshot));
}

export function useUi<T>(selector: (state: UiState) => T, same?: (a: T, b: T) => boolean): T {
  return useStoreWithEqualityFn(useEditor().ui, selector, same);
}

export function useRuns<T>(selector: (state: RunsState) => T): T {
  return useStore(useEditor().runs, selector);
}

export function usePresence<T>(selector: (state: PresenceState) => T): T {
  return useStore(useEditor().people, selector);
}

export function useConnectionState(): Connection {
  const { provider } = useEditor();
  return useSyncExternalStore(provider.subscribe, () => provider.connection);
}

export function useRole(): Role | null {
  const { provider } = useEditor();
  return useSyncExternalStore(provider.subscribe, () => provider.role);
}

/** Whether this person may change the flow right now. */
export function useCanEdit(): boolean {
  const role = useRole();
  const open = useConnectionState().state !== "closed";
  return open && (role === "editor" || role === "owner");
}
