/** Every question a run of the workspace asks people, in one place. */
import { Skeleton } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Chip } from "@/components/chip";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { WaitCard } from "@/components/run-waits";
import { formatFullTime, formatTime, useText } from "@/i18n";
import { useRights } from "@/lib/workspaces";
import { type Approval, approvalsQuery } from "./approvals";
import classes from "./approvals-page.module.css";
import { runsText } from "./text";

export function ApprovalsPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(runsText);
  const { canEdit } = useRights(workspaceId);
  const query = useQuery(approvalsQuery(workspaceId));
  const count = query.data?.length ?? 0;
  return (
    <Page title={t("approvals.title")} aside={count > 0 && <Chip tone="info">{count}</Chip>}>
      <QueryView
        query={query}
        skeleton={<Skeleton height={120} maw={640} />}
        isEmpty={(approvals) => approvals.length === 0}
        empty={
          <EmptyState icon="check" title={t("approvals.none")}>
            {t("approvals.none.lead")}
          </EmptyState>
        }
      >
        {(approvals) => (
          <ul className={classes.list}>
            {approvals.map((approval) => (
              <Question
                key={`${approval.run_id} ${approval.wait.key}`}
                workspaceId={workspaceId}
                approval={approval}
                canAnswer={canEdit}
              />
            ))}
          </ul>
        )}
      </QueryView>
    </Page>
  );
}

type Props = { workspaceId: string; approval: Approval; canAnswer: boolean };

function Question({ workspaceId, approval, canAnswer }: Props) {
  const t = useText(runsText);
  const queryClient = useQueryClient();
  const { run_id, run_number, flow_name, node_name, wait } = approval;
  return (
    <li>
      <p className={classes.from}>
        <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run_id }}>
          {flow_name} #{run_number}
        </Link>
        {wait.since && (
          <span className="muted" title={formatFullTime(wait.since)}>
            {t("approvals.since", { time: formatTime(wait.since) })}
          </span>
        )}
      </p>
      <WaitCard
        workspaceId={workspaceId}
        runId={run_id}
        wait={wait}
        canAnswer={canAnswer}
        title={node_name || undefined}
        onAnswered={() =>
          void queryClient.invalidateQueries({ queryKey: approvalsQuery(workspaceId).queryKey })
        }
      />
    </li>
  );
}
