import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { PersonName } from "@/components/person-avatar";
import { StateLabel } from "@/components/state-ring";
import { formatDuration, formatFullTime, formatTime, useText } from "@/i18n";
import type { FlowDefinition, Json, RunDetail } from "@/lib/api";
import { costText } from "../cost";
import classes from "../run-page.module.css";
import { runsText, triggerText } from "../text";
import { useElapsed } from "../use-elapsed";
import { isObject } from "../value-model";
import { RunFiles } from "./run-files";
import { ValuePorts } from "./value-view";

const hasContent = (value: Json): boolean =>
  isObject(value) ? Object.keys(value).length > 0 : value !== null;

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };

/** What the run gave, under the names people know its last nodes by. */
function Outputs({ workspaceId, run, definition }: Props) {
  if (!isObject(run.outputs)) return <ValuePorts workspaceId={workspaceId} value={run.outputs} />;
  const names = new Map((definition?.nodes ?? []).map((node) => [node.id, node.name || node.id]));
  return Object.entries(run.outputs).map(([id, value]) => (
    <section key={id}>
      <h3>{names.get(id) ?? id}</h3>
      <ValuePorts workspaceId={workspaceId} value={value} />
    </section>
  ));
}

export function RunDetails({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const elapsed = useElapsed(run);
  const waited = run.started_at === null ? null : Date.parse(run.started_at) - Date.parse(run.created_at);
  const facts: [string, ReactNode][] = [
    [t("col.state"), <StateLabel key="state" state={run.state} />],
    [t("run.took"), formatDuration(elapsed)],
    [t("run.waited"), formatDuration(waited)],
    [t("run.started"), <When key="started" at={run.started_at} />],
    [t("run.finished"), <When key="finished" at={run.finished_at} />],
    [t("run.trigger"), triggerText(t, run.trigger)],
    [t("col.version"), run.version === null ? t("draft") : `v${run.version}`],
    ...(run.cost.micros > 0 || run.budget ? [[t("run.cost"), costText(t, run)] as [string, ReactNode]] : []),
    [t("run.by"), run.created_by ? <PersonName key="by" person={run.created_by} /> : "—"],
  ];
  return (
    <aside className={classes.aside} aria-label={t("run.details")}>
      <h2>{t("run.details")}</h2>
      <dl className={classes.facts}>
        {facts.map(([label, value]) => (
          <div key={label} style={{ display: "contents" }}>
            <dt>{label}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
      </dl>
      {run.retry_of && (
        <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run.retry_of }}>
          {t("run.retryOf")}
        </Link>
      )}
      {run.parent_run_id && (
        <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run.parent_run_id }}>
          {t("run.parent")}
        </Link>
      )}
      <h2>{t("run.inputs")}</h2>
      {run.are_values_hidden ? (
        <p className={classes.quiet}>{t("run.hidden")}</p>
      ) : hasContent(run.inputs) ? (
        <ValuePorts workspaceId={workspaceId} value={run.inputs} />
      ) : (
        <p className={classes.quiet}>{t("run.inputs.none")}</p>
      )}
      <RunFiles workspaceId={workspaceId} run={run} />
      {hasContent(run.outputs) && (
        <>
          <h2>{t("run.outputs")}</h2>
          <Outputs workspaceId={workspaceId} run={run} definition={definition} />
        </>
      )}
    </aside>
  );
}

function When({ at }: { at: string | null }) {
  if (at === null) return "—";
  return (
    <time dateTime={at} title={formatFullTime(at)}>
      {formatTime(at)}
    </time>
  );
}
