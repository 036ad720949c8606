import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Chip } from "@/components/chip";
import { CopyField } from "@/components/copy-field";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { tellProblem } from "@/components/toast";
import { formatFullTime, useText } from "@/i18n";
import { type TriggerInfo, triggersQuery, useTriggerPause } from "@/lib/triggers";
import { useRights } from "@/lib/workspaces";
import { triggersText } from "./text";
import classes from "./triggers.module.css";

type Kind = `kind.${"webhook" | "schedule" | "form" | "flow_event" | "file"}_trigger`;

export function TriggersPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(triggersText);
  const query = useQuery(triggersQuery(workspaceId));
  const { canManage } = useRights(workspaceId);
  return (
    <Page title={t("title")} toolbar={<span className="muted">{t("lead")}</span>}>
      <QueryView query={query} skeleton={null}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState icon="webhook" title={t("empty.title")}>
              {t("empty.lead")}
            </EmptyState>
          ) : (
            <ul className={classes.list}>
              {items.map((item) => (
                <TriggerCard key={item.id} workspaceId={workspaceId} item={item} canPause={canManage} />
              ))}
            </ul>
          )
        }
      </QueryView>
    </Page>
  );
}

type CardProps = { workspaceId: string; item: TriggerInfo; canPause: boolean };

function TriggerCard({ workspaceId, item, canPause }: CardProps) {
  const t = useText(triggersText);
  const pause = useTriggerPause(workspaceId);
  const isPaused = item.state === "paused";
  const run = item.newest_run;
  return (
    <li className={classes.card}>
      <div className={classes.head}>
        <b>{t(`kind.${item.kind}` as Kind)}</b>
        <Link to="/w/$ws/flows/$flow" params={{ ws: workspaceId, flow: item.flow_id }}>
          {item.flow_name}
        </Link>
        <Chip tone={item.state === "live" ? "ok" : "neutral"}>{t(item.state)}</Chip>
        {canPause && item.state !== "draft" && (
          <Button
            size="compact-sm"
            variant="default"
            loading={pause.isPending}
            onClick={() => pause.mutate({ id: item.id, isPaused: !isPaused }, { onError: tellProblem })}
          >
            {t(isPaused ? "resume" : "pause")}
          </Button>
        )}
      </div>
      {item.address !== "" && <CopyField value={item.address} label={item.name} />}
      <div className="muted">
        {item.next_at !== null && <span>{t("next", { time: formatFullTime(item.next_at) })} · </span>}
        {run === null ? (
          t("never")
        ) : (
          <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run.id }}>
            {t("last", { time: formatFullTime(run.created_at) })}
          </Link>
        )}
      </div>
      {item.refusals > 0 && (
        <div className={classes.refused}>
          {t("refused", { count: item.refusals, reason: item.last_error })}
        </div>
      )}
    </li>
  );
}
