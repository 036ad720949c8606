import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { NodeTile } from "@/components/node-tile";
import { ProblemNote } from "@/components/problem-view";
import { StateLabel } from "@/components/state-ring";
import { formatDuration, formatNumber, useText } from "@/i18n";
import type { FlowDefinition, NodeRun, RunDetail } from "@/lib/api";
import { type NodeTypes, useNodeTypes } from "@/lib/node-types";
import { isActive, runNodesQuery } from "../api";
import { barOf, type NodeRow, nodeRows } from "../run-model";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { NodeValues } from "./node-values";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };

export function RunNodes({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const query = useQuery(runNodesQuery(workspaceId, run.id, isActive(run.state)));
  const types = useNodeTypes(workspaceId);
  const rows = nodeRows(definition, query.data ?? []);
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
          {rows.map((row) => (
            <NodeLine key={row.key} workspaceId={workspaceId} run={run} row={row} types={types} />
          ))}
        </>
      )}
    </section>
  );
}

type LineProps = { workspaceId: string; run: RunDetail; row: NodeRow; types: NodeTypes };

function NodeLine({ workspaceId, run, row, types }: LineProps) {
  const t = useText(runsText);
  const [open, setOpen] = useState(false);
  const icon = types.spec(row.type)?.icon;
  const name = (
    <span className={classes.name} title={row.nodeId}>
      <NodeTile category={types.category(row.type)} {...(icon ? { icon } : {})} />
      <b className="cut">{row.name}</b>
    </span>
  );
  if (row.run === null) {
    return (
      <div className={`${classes.row} muted`}>
        <span />
        {name}
        <StateLabel state="pending" />
        <span>{t("nodes.notReached")}</span>
        <span className={classes.right}>—</span>
        <span className={classes.right}>—</span>
      </div>
    );
  }
  return (
    <>
      <button
        type="button"
        className={classes.row}
        aria-expanded={open}
        aria-label={t("nodes.expand", { name: row.name })}
        onClick={() => setOpen((value) => !value)}
      >
        <Icon name="chevron-right" className={classes.turn} />
        {name}
        <StateLabel state={row.run.state} />
        <Track run={run} node={row.run} />
        <span className={`num ${classes.right}`}>{formatDuration(row.run.duration_ms)}</span>
        <span className={`num ${classes.right}`}>
          {row.run.items === null ? "—" : formatNumber(row.run.items)}
        </span>
      </button>
      {open && <NodeValues workspaceId={workspaceId} run={run} node={row.run} />}
    </>
  );
}

function Track({ run, node }: { run: RunDetail; node: NodeRun }) {
  const t = useText(runsText);
  const bar = barOf(run, node, Date.now());
  return (
    <span
      className={classes.track}
      title={node.attempt > 1 ? t("nodes.attempt", { number: node.attempt }) : undefined}
    >
      {bar && <s data-state={node.state} style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />}
    </span>
  );
}
