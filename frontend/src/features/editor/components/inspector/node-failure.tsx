/** Why the node failed in the shown run: the error itself and what the diagnosis says about it. */
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { diagnosesQuery } from "../../api/queries";
import { useLocalText } from "../../hooks/use-local-text";
import { useEditor, useRuns } from "../../stores/context";
import { nodeRun, shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

export function NodeFailure({ nodeId }: { nodeId: string }) {
  const run = useRuns((state) => nodeRun(state, nodeId));
  const runId = useRuns((state) => shownRun(state)?.id ?? null);
  const runState = useRuns((state) => shownRun(state)?.state ?? null);
  if (run?.state !== "failed" || !runId) return null;
  return (
    <section className={classes.failure} role="alert" data-testid="node-failure">
      <header>
        <Icon name="warning" size={14} />
        <b>{run.error?.message || run.error?.code}</b>
      </header>
      {run.error?.hint && <p>{run.error.hint}</p>}
      {run.error?.code && <code>{run.error.code}</code>}
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
        <div key={item.id ?? local(item.title)}>
          <p>{local(item.title)}</p>
          {item.explanation && <p className="muted">{local(item.explanation)}</p>}
        </div>
      ))}
    </div>
  );
}
