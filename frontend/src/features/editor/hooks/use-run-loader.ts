/** Fetches the events of a run that was over before this page saw it, so that it shows like a live one. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { runEventsQuery } from "../api/queries";
import { useEditor } from "../stores/context";
import { applyEvents, isFinal, type RunView } from "../stores/run-store";

export function useRunLoader(run: RunView | null): void {
  const { workspaceId, runs } = useEditor();
  const wanted = run !== null && isFinal(run.state) && run.lastSeq === 0;
  const query = useQuery({ ...runEventsQuery(workspaceId, run?.id ?? ""), enabled: wanted });
  useEffect(() => {
    if (wanted && query.data) applyEvents(runs, query.data);
  }, [wanted, query.data, runs]);
}
