/** The last line of a card: what the node does or did, and its badges. */
import { Icon } from "@/components/icon";
import { StateRing } from "@/components/state-ring";
import type { FlowNode } from "@/flow-core";
import { formatDuration, formatNumber, useText } from "@/i18n";
import type { NodeRunView } from "../../stores/run-store";
import { editorText } from "../../text";
import classes from "./node-card.module.css";

type Props = { node: FlowNode; run: NodeRunView | null; problems: number };

export function NodeFooter({ node, run, problems }: Props) {
  const t = useText(editorText);
  const words = useFooterWords(node, run);
  const retries = node.retry && typeof node.retry.count === "number" ? node.retry.count : 0;
  return (
    <div className={classes.foot}>
      <span className={classes.stat} title={run?.error?.message ?? words}>
        {node.disabled ? (
          <Icon name="stop" size={13} />
        ) : (
          <StateRing
            state={run?.cached ? "cached" : (run?.state ?? "pending")}
            progress={run?.progress?.total ? run.progress.done / run.progress.total : null}
            size={13}
          />
        )}
        <span className="cut">{words}</span>
      </span>
      <span className={classes.badges}>
        {run && run.rounds > 0 && (
          <span
            className={run.failedRounds > 0 ? classes.warn : undefined}
            title={t("node.rounds", { count: run.rounds, failed: run.failedRounds })}
          >
            ×{formatNumber(run.rounds)}
          </span>
        )}
        {run && run.attempt > 1 && (
          <span className={classes.retry} title={t("node.attempts", { attempt: run.attempt })}>
            <Icon name="retry" size={12} />
            {run.attempt}/{Math.max(run.attempt, retries + 1)}
          </span>
        )}
        {node.pinned !== undefined && (
          <span title={t("node.pinned")}>
            <Icon name="pin" size={12} />
          </span>
        )}
        {problems > 0 && !node.disabled && (
          <span className={classes.warn} title={t("node.problems", { count: problems })}>
            <Icon name="warning" size={12} />
            {problems}
          </span>
        )}
      </span>
    </div>
  );
}

function useFooterWords(node: FlowNode, run: NodeRunView | null): string {
  const t = useText(editorText);
  if (node.disabled) return t("state.disabled");
  if (!run || run.state === "pending") return t("state.pending");
  switch (run.state) {
    case "running":
      return runningWords(run) || t("state.running");
    case "completed": {
      const parts = [run.cached ? t("state.cached") : formatDuration(run.durationMs)];
      if (run.items !== null) parts.push(t("items", { count: run.items, shown: formatNumber(run.items) }));
      return parts.join(" · ");
    }
    case "failed":
      return run.error?.message || t("state.failed");
    case "skipped":
      return t("state.skipped");
    default:
      return t(`state.${run.state}`);
  }
}

function runningWords(run: NodeRunView): string {
  const { progress } = run;
  if (!progress) return "";
  const count = progress.total
    ? `${formatNumber(progress.done)} / ${formatNumber(progress.total)}`
    : progress.done > 0
      ? formatNumber(progress.done)
      : "";
  return [count, progress.message].filter(Boolean).join(" · ");
}
