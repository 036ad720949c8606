/** Starting a run: asks for inputs when there are any, then follows it on the canvas. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import { tell, tellProblem } from "@/components/toast";
import type { Json } from "@/flow-core";
import { useText } from "@/i18n";
import { runStart } from "../api/commands";
import { flowRunsQuery } from "../api/queries";
import { askedInputs } from "../components/run-dialog";
import { useCanEdit, useCatalogue, useEditor } from "../stores/context";
import { noteRun } from "../stores/run-store";
import { editorText } from "../text";
import { useView } from "./use-view";

const SAVE_WAIT_MS = 3_000;

export function useRunStarter() {
  const { workspaceId, flowId, runs, runSocket, ui, provider, live } = useEditor();
  const types = useCatalogue();
  const canEdit = useCanEdit();
  const view = useView();
  const cache = useQueryClient();
  const t = useText(editorText);
  const key = useRef(crypto.randomUUID());
  const { mutate, reset, isPending, error } = useMutation({
    mutationFn: async (inputs: Record<string, Json>) => {
      await saved(provider);
      return runStart(workspaceId, flowId, inputs, key.current, ui.getState().debugNextRun);
    },
    onSuccess: (run) => {
      key.current = crypto.randomUUID();
      noteRun(runs, run, true);
      runSocket.follow(run.id);
      const opens = !ui.getState().drawerOpen;
      const drawerTab = ui.getState().debugNextRun ? "debugger" : "timeline";
      ui.setState({ runDialogOpen: false, drawerTab, drawerOpen: true });
      // The panel takes a part of the canvas; a run should be seen whole while it happens.
      if (opens) setTimeout(() => view.fit({ padding: 0.08 }), 60);
      void cache.invalidateQueries({ queryKey: flowRunsQuery(workspaceId, flowId).queryKey });
    },
    onError: (problem) => {
      key.current = crypto.randomUUID();
      if (!ui.getState().runDialogOpen) tellProblem(problem);
    },
  });

  const start = useCallback((inputs: Record<string, Json>) => mutate(given(inputs)), [mutate]);
  const ask = useCallback(() => {
    if (!canEdit) {
      tell(t("viewer.cannot_run"));
      return;
    }
    reset();
    if (askedInputs(live.snapshot.document, types).length > 0) ui.setState({ runDialogOpen: true });
    else mutate({});
  }, [canEdit, live, types, ui, mutate, reset, t]);
  return { start, ask, isPending, error };
}

export type RunStarter = Pick<ReturnType<typeof useRunStarter>, "start" | "isPending" | "error">;

/** Values left empty are left to the flow's own. */
function given(inputs: Record<string, Json>): Record<string, Json> {
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== null));
}

/** A run uses what the server has; wait a moment for changes still on their way. */
function saved(provider: {
  connection: { state: string };
  flush: () => void;
  subscribe: (l: () => void) => () => void;
}) {
  provider.flush();
  if (provider.connection.state !== "saving") return Promise.resolve();
  return new Promise<void>((resolve) => {
    const stop = provider.subscribe(() => provider.connection.state !== "saving" && finish());
    const timer = setTimeout(() => finish(), SAVE_WAIT_MS);
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
  });
}
