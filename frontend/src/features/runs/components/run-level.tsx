/** The nodes of one level of a run, and, folded under each container, its iterations with their nodes. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { Icon } from "@/components/icon";
import { NodeTile } from "@/components/node-tile";
import { StateLabel } from "@/components/state-ring";
import { formatDuration, formatNumber, useText } from "@/i18n";
import type { FlowDefinition, NodeRun, RunDetail } from "@/lib/api";
import { useNodeTypes } from "@/lib/node-types";
import { isActive, type LevelNodes, runNodesQuery } from "../api";
import { barOf, childOf, type NodeRow, nodeRows, roundOf } from "../run-model";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { NodeValues } from "./node-values";

type Place = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };
type RowsProps = Place & { rows: NodeRow[]; iterations: LevelNodes["iterations"] };

export function LevelRows({ rows, iterations, ...place }: RowsProps) {
  return rows.map((row) => (
    <NodeLine key={row.key} {...place} row={row} rounds={iterations[row.nodeId] ?? null} />
  ));
}

type LineProps = Place & { row: NodeRow; rounds: LevelNodes["iterations"][string] | null };

function NodeLine({ row, rounds, ...place }: LineProps) {
  const t = useText(runsText);
  const types = useNodeTypes(place.workspaceId);
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
  const node = row.run;
  return (
    <Unfolding {...place} node={node} label={t("nodes.expand", { name: row.name })} name={name}>
      <NodeValues workspaceId={place.workspaceId} run={place.run} node={node} />
      <ChildLink {...place} node={node} />
      {rounds !== null && (
        <section className={classes.inside} aria-label={t("nodes.rounds", { count: sum(rounds) })}>
          <h3 className={classes.insideTitle}>{t("nodes.rounds", { count: sum(rounds) })}</h3>
          <Rounds {...place} path={node.iteration_path} container={node.node_id} />
        </section>
      )}
    </Unfolding>
  );
}

const sum = (counts: Record<string, number | undefined>): number =>
  Object.values(counts).reduce<number>((whole, count) => whole + (count ?? 0), 0);

/** A row that opens; what is inside is asked for only then. */
function Unfolding(props: Place & { node: NodeRun; label: string; name: ReactNode; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const { node } = props;
  return (
    <>
      <button
        type="button"
        className={classes.row}
        aria-expanded={open}
        aria-label={props.label}
        onClick={() => setOpen((value) => !value)}
      >
        <Icon name="chevron-right" className={classes.turn} />
        {props.name}
        <StateLabel state={node.state} />
        <Track run={props.run} node={node} />
        <span className={`num ${classes.right}`}>{formatDuration(node.duration_ms)}</span>
        <span className={`num ${classes.right}`}>{node.items === null ? "—" : formatNumber(node.items)}</span>
      </button>
      {open && props.children}
    </>
  );
}

function Rounds({ path, container, ...place }: Place & { path: string; container: string }) {
  const t = useText(runsText);
  const { workspaceId, run } = place;
  const query = useQuery(runNodesQuery(workspaceId, run.id, isActive(run.state), { path, container }));
  return (
    <>
      {query.data?.items.map((round) => {
        const number = roundOf(round.iteration_path);
        return (
          <Unfolding
            key={round.id}
            {...place}
            node={round}
            label={t("nodes.round.expand", { number })}
            name={<span className="num">{t("nodes.round", { number })}</span>}
          >
            <Inside {...place} path={round.iteration_path} />
          </Unfolding>
        );
      })}
      {query.data?.isCut && <p className={classes.quiet}>{t("nodes.cut")}</p>}
    </>
  );
}

/** What the nodes did in one iteration. */
function Inside({ path, ...place }: Place & { path: string }) {
  const { workspaceId, run, definition } = place;
  const query = useQuery(runNodesQuery(workspaceId, run.id, isActive(run.state), { path }));
  if (!query.data) return null;
  return (
    <div className={classes.inside}>
      <LevelRows
        {...place}
        rows={nodeRows(definition, query.data.items, path)}
        iterations={query.data.iterations}
      />
    </div>
  );
}

function ChildLink({ workspaceId, run, node }: Place & { node: NodeRun }) {
  const t = useText(runsText);
  const child = childOf(run, node);
  if (!child) return null;
  return (
    <p className={classes.childLink}>
      <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: child.id }}>
        {t("nodes.child", { flow: child.flow_name, number: child.number })}
      </Link>
      <StateLabel state={child.state} />
    </p>
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
