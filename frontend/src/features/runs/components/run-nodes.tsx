import { useQuery } from "@tanstack/react-query";
import { ProblemNote } from "@/components/problem-view";
import { useText } from "@/i18n";
import type { FlowDefinition, RunDetail } from "@/lib/api";
import { isActive, runNodesQuery, topLevel } from "../api";
import { nodeRows } from "../run-model";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { LevelRows } from "./run-level";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };

export function RunNodes({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const query = useQuery(runNodesQuery(workspaceId, run.id, isActive(run.state), topLevel));
  const rows = nodeRows(definition, query.data?.items ?? []);
  const total = new Set(rows.map((row) => row.nodeId)).size;
  const done = new Set(
    rows
      .filter((row) => row.run?.state === "completed" || row.run?.state === "skipped")
      .map((row) => row.nodeId),
  ).size;
  return (
    <section className={classes.panel} aria-labelledby="run-nodes">
      <header>
        <h2 id="run-nodes">{t("nodes.title")}</h2>
        {total > 0 && <span className="muted num">{t("nodes.progress", { done, total })}</span>}
      </header>
      {query.error && !query.data && <ProblemNote error={query.error} />}
      {rows.length === 0 ? (
        <p className={classes.quiet}>{t("nodes.none")}</p>
      ) : (
        <>
          <div className={`${classes.row} ${classes.head}`}>
            <span />
            <span>{t("nodes.node")}</span>
            <span>{t("nodes.state")}</span>
            <span>{t("nodes.time")}</span>
            <span className={classes.right}>{t("nodes.duration")}</span>
            <span className={classes.right}>{t("nodes.items")}</span>
          </div>
          <LevelRows
            workspaceId={workspaceId}
            run={run}
            definition={definition}
            rows={rows}
            iterations={query.data?.iterations ?? {}}
          />
          {query.data?.isCut && <p className={classes.quiet}>{t("nodes.cut")}</p>}
        </>
      )}
    </section>
  );
}
