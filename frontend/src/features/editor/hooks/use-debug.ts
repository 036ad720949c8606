/** The debug session of the run the canvas shows, and telling it something. */
import { useMutation } from "@tanstack/react-query";
import { useStore } from "zustand";
import { tellProblem } from "@/components/toast";
import { type DebugCommand, type DebugStop, debugTell } from "../api/debug";
import { useEditor, useRuns } from "../stores/context";
import type { DebugSessions, DebugView } from "../stores/debug-store";

export function useDebug<T>(selector: (state: DebugSessions) => T): T {
  return useStore(useEditor().debug, selector);
}

/** The session of the shown run; null when nobody debugs it. */
export function useDebugView(): DebugView | null {
  const shown = useRuns((state) => state.shown);
  return useDebug((state) => (shown ? (state.sessions.get(shown) ?? null) : null));
}

/** How a node stands at the gate of the shown run: as the current stop, as another, or not at all. */
export function useNodeStop(nodeId: string): "current" | "standing" | null {
  const shown = useRuns((state) => state.shown);
  return useDebug((state) => {
    const session = shown ? state.sessions.get(shown)?.state : null;
    const own = session?.stops.filter((stop) => stop.node_id === nodeId) ?? [];
    if (own.length === 0) return null;
    return own.some((stop) => stop.id === session?.current) ? "current" : "standing";
  });
}

export function currentStop(view: DebugView | null): DebugStop | null {
  return view?.state?.stops.find((stop) => stop.id === view.state?.current) ?? null;
}

export function useDebugTell() {
  const { workspaceId } = useEditor();
  const runId = useRuns((state) => state.shown);
  return useMutation({
    mutationFn: async (command: DebugCommand) => runId && (await debugTell(workspaceId, runId, command)),
    onError: tellProblem,
  });
}
