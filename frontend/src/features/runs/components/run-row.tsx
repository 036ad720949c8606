import { Link } from "@tanstack/react-router";
import { PersonName } from "@/components/person-avatar";
import { StateLabel } from "@/components/state-ring";
import { formatDuration, formatFullTime, formatMoney, formatTime, useText } from "@/i18n";
import type { Run } from "@/lib/api";
import { isActive } from "../api";
import classes from "../run-list-page.module.css";
import { runsText, triggerText } from "../text";
import { useElapsed } from "../use-elapsed";

export function RunRow({ workspaceId, run }: { workspaceId: string; run: Run }) {
  const t = useText(runsText);
  const elapsed = useElapsed(run);
  const started = run.started_at ?? run.created_at;
  const link = { to: "/w/$ws/runs/$run", params: { ws: workspaceId, run: run.id } } as const;
  return (
    <tr>
      <td className="num muted">
        <Link {...link} className="muted">
          #{run.number}
        </Link>
      </td>
      <td>
        <Link {...link} className={classes.flow} title={run.flow_name}>
          {run.flow_name}
        </Link>
      </td>
      <td title={run.error?.message}>
        <StateLabel state={run.state} />
      </td>
      <td data-hide="wide" className="muted">
        {triggerText(t, run.trigger)}
      </td>
      <td className="muted" title={formatFullTime(started)}>
        {formatTime(started)}
      </td>
      <td data-align="right" className={isActive(run.state) ? "num muted" : "num"}>
        {formatDuration(elapsed)}
      </td>
      <td data-hide="wide" data-align="right" className="num muted">
        {run.cost.micros > 0 ? formatMoney(run.cost.micros, run.cost.currency) : "—"}
      </td>
      <td className="muted">{run.version === null ? t("draft") : `v${run.version}`}</td>
      <td>{run.created_by ? <PersonName person={run.created_by} /> : "—"}</td>
    </tr>
  );
}
