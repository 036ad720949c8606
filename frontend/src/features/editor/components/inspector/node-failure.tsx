/** Why the node failed in the shown run: the error itself and what the diagnosis says about it. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { flowPatch } from "../../api/commands";
import { diagnosesQuery } from "../../api/queries";
import type { FlowPatch } from "../../api/types";
import { useLocalText } from "../../hooks/use-local-text";
import { useNodeRunId } from "../../hooks/use-node-run-id";
import { useCanEdit, useEditor, useRuns } from "../../stores/context";
import { nodeRun, shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

export function NodeFailure({ nodeId }: { nodeId: string }) {
  const { workspaceId } = useEditor();
  const run = useRuns((state) => nodeRun(state, nodeId));
  const runId = useRuns((state) => shownRun(state)?.id ?? null);
  const runState = useRuns((state) => shownRun(state)?.state ?? null);
  const failed = run?.state === "failed" && runId !== null;
  // The row says the error in the reader's language; the live event may come before it.
  const row = useNodeRunId(workspaceId, runId, nodeId, failed).row;
  if (!failed) return null;
  const error = row?.state === "failed" ? row.error : run.error;
  return (
    <section className={classes.failure} role="alert" data-testid="node-failure">
      <header>
        <Icon name="warning" size={14} />
        <b>{error?.message || error?.code}</b>
      </header>
      {error?.hint && <p>{error.hint}</p>}
      {error?.code && <code>{error.code}</code>}
      {runState === "failed" && <Diagnosis runId={runId} nodeId={nodeId} />}
    </section>
  );
}

/** Made by a worker after the run, so it is asked for until it is there. */
function Diagnosis({ runId, nodeId }: { runId: string; nodeId: string }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const local = useLocalText();
  const query = useQuery({
    ...diagnosesQuery(workspaceId, runId),
    refetchInterval: (state) =>
      (state.state.data?.length ?? 0) > 0 || state.state.dataUpdateCount > 8 ? false : 1500,
  });
  const found = (query.data ?? []).filter((item) => !item.node_id || item.node_id === nodeId);
  if (found.length === 0) return null;
  return (
    <div className={classes.diagnosis} data-testid="node-diagnosis">
      <b>{t("diagnosis")}</b>
      {found.map((item) => (
        <div key={item.id}>
          <p>{local(item.cause)}</p>
          <ul>
            {item.advice.map((advice) => (
              <li key={local(advice.text)}>
                {local(advice.text)} {advice.patch && <ApplyPatch patch={advice.patch} />}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

/** A proposed change is made only when a person says so. */
function ApplyPatch({ patch }: { patch: FlowPatch }) {
  const { workspaceId, flowId } = useEditor();
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const apply = useMutation({
    mutationFn: () => flowPatch(workspaceId, flowId, patch.operations, patch.summary),
    onError: tellProblem,
  });
  if (!canEdit) return null;
  if (apply.isSuccess) return <span className="muted">{t("diagnosis.applied")}</span>;
  return (
    <button type="button" className={classes.small} disabled={apply.isPending} onClick={() => apply.mutate()}>
      {t("diagnosis.apply")}
    </button>
  );
}
