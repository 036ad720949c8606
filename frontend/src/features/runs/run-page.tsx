/** One run: what it did, node by node, with its log; live while it is going on. */
import { Button, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { ProblemBlock } from "@/components/problem-view";
import { RunWaits } from "@/components/run-waits";
import { StateLabel } from "@/components/state-ring";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import type { RunDetail } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { isActive, runDefinitionQuery, runQuery, useRunCommand } from "./api";
import { DiagnosisCard } from "./components/diagnosis-card";
import { PausedCard } from "./components/paused-card";
import { RunDetails } from "./components/run-details";
import { RunLog } from "./components/run-log";
import { RunNodes } from "./components/run-nodes";
import classes from "./run-page.module.css";
import { runsText } from "./text";

export function RunPage({ workspaceId, runId }: { workspaceId: string; runId: string }) {
  const t = useText(runsText);
  const query = useQuery(runQuery(workspaceId, runId));
  const run = query.data;
  return (
    <Page
      flush
      parent={{ label: t("title"), to: `/w/${workspaceId}/runs` }}
      title={run ? `${run.flow_name} #${run.number}` : t("title")}
      aside={run && <StateLabel state={run.state} />}
      actions={run && <RunActions workspaceId={workspaceId} run={run} />}
    >
      {run && <RunBody workspaceId={workspaceId} run={run} />}
      {!run && query.error && <ProblemBlock error={query.error} onRetry={() => void query.refetch()} />}
      {!run && !query.error && (
        <div className={classes.waiting}>
          <Skeleton height={180} />
          <Skeleton height={240} />
        </div>
      )}
    </Page>
  );
}

function RunBody({ workspaceId, run }: { workspaceId: string; run: RunDetail }) {
  const definition = useQuery(runDefinitionQuery(workspaceId, run.id)).data;
  const { canEdit } = useRights(workspaceId);
  return (
    <div className={classes.columns}>
      <div className={classes.main}>
        {run.state === "failed" && (
          <DiagnosisCard workspaceId={workspaceId} run={run} definition={definition} />
        )}
        {run.state === "paused" && <PausedCard workspaceId={workspaceId} run={run} definition={definition} />}
        {isActive(run.state) && (
          <div className={classes.waits}>
            <RunWaits
              workspaceId={workspaceId}
              runId={run.id}
              canAnswer={canEdit}
              nameOf={(id) => definition?.nodes.find((node) => node.id === id)?.name || id}
            />
          </div>
        )}
        <RunNodes workspaceId={workspaceId} run={run} definition={definition} />
        <RunLog workspaceId={workspaceId} run={run} definition={definition} />
      </div>
      <RunDetails workspaceId={workspaceId} run={run} definition={definition} />
    </div>
  );
}

function RunActions({ workspaceId, run }: { workspaceId: string; run: RunDetail }) {
  const t = useText(runsText);
  const navigate = useNavigate();
  const { canEdit } = useRights(workspaceId);
  const command = useRunCommand(workspaceId, run.id);
  const cancel = () =>
    command.mutate("cancel", { onSuccess: () => tell(t("run.cancelling")), onError: tellProblem });
  const change = (to: "pause" | "resume") =>
    command.mutate(to, {
      onSuccess: () => tell(t(to === "pause" ? "run.pausing" : "run.resumed")),
      onError: tellProblem,
    });
  const again = (how: "retry" | "redrive") =>
    command.mutate(how, {
      onError: tellProblem,
      onSuccess: (next) => {
        tell(t("run.retried"));
        void navigate({ to: "/w/$ws/runs/$run", params: { ws: workspaceId, run: next.id } });
      },
    });
  return (
    <>
      <Button
        variant="default"
        leftSection={<Icon name="open" />}
        renderRoot={(props) => (
          <Link
            to="/w/$ws/flows/$flow"
            params={{ ws: workspaceId, flow: run.flow_id }}
            search={{ run: run.id }}
            {...props}
          />
        )}
      >
        {t("run.open")}
      </Button>
      {canEdit && isActive(run.state) && (
        <Button
          variant="default"
          leftSection={<Icon name="stop" />}
          loading={command.isPending}
          onClick={cancel}
        >
          {t("run.cancel")}
        </Button>
      )}
      {canEdit && isActive(run.state) && (
        <Button
          variant="default"
          leftSection={<Icon name={run.state === "paused" ? "play" : "pause"} />}
          loading={command.isPending}
          onClick={() => change(run.state === "paused" ? "resume" : "pause")}
        >
          {t(run.state === "paused" ? "run.resume" : "run.pause")}
        </Button>
      )}
      {canEdit && run.state === "failed" && (
        <Tooltip label={t("run.redrive.hint")}>
          <Button
            variant="default"
            leftSection={<Icon name="retry" />}
            loading={command.isPending}
            onClick={() => again("redrive")}
          >
            {t("run.redrive")}
          </Button>
        </Tooltip>
      )}
      {canEdit && (run.state === "failed" || run.state === "cancelled") && (
        <Tooltip label={t("run.retry.hint")}>
          <Button
            leftSection={<Icon name="retry" />}
            loading={command.isPending}
            onClick={() => again("retry")}
          >
            {t("run.retry")}
          </Button>
        </Tooltip>
      )}
    </>
  );
}
