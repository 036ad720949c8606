/** Why the run failed: the error in the engine's words, then the diagnosis with its evidence and advice. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import { useLanguage, useText } from "@/i18n";
import type { Diagnosis, FlowDefinition, Json, RunDetail } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { diagnosesQuery, usePatchApply } from "../api";
import classes from "../run-page.module.css";
import { runsText } from "../text";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };

export function DiagnosisCard({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const query = useQuery(diagnosesQuery(workspaceId, run.id));
  const nodeName = (id: string | null | undefined) =>
    definition?.nodes.find((node) => node.id === id)?.name || id || "";
  const failedAt = run.error?.node_id ?? query.data?.[0]?.node_id;
  return (
    <section className={classes.diagnosis} aria-label={t("diagnosis.title")}>
      <div className={classes.cause}>
        <b>
          <Icon name="warning" />
          {failedAt ? t("error.at", { node: nodeName(failedAt) }) : t("error.flow")}
        </b>
        {run.error && <p>{run.error.message}</p>}
        {run.error?.hint && <p>{run.error.hint}</p>}
      </div>
      {query.data?.map((diagnosis) => (
        <Finding key={diagnosis.id} workspaceId={workspaceId} run={run} diagnosis={diagnosis} />
      ))}
      {query.data?.length === 0 && query.isFetching && (
        <div className={classes.advice}>
          <span className="muted">{t("diagnosis.looking")}</span>
        </div>
      )}
    </section>
  );
}

type FindingProps = { workspaceId: string; run: RunDetail; diagnosis: Diagnosis };

function Finding({ workspaceId, run, diagnosis }: FindingProps) {
  const t = useText(runsText);
  const language = useLanguage();
  const sure = diagnosis.confidence.toLocaleString(language, { style: "percent" });
  return (
    <>
      {diagnosis.evidence !== run.error?.message && (
        <div className={classes.evidence}>{diagnosis.evidence}</div>
      )}
      <div className={classes.advice}>
        <b>{diagnosis.cause[language]}</b>
        {diagnosis.advice.length > 0 && (
          <ul aria-label={t("diagnosis.advice")}>
            {diagnosis.advice.map((advice) => (
              <li key={advice.text.en}>
                {advice.text[language]}
                {advice.patch !== null && (
                  <ApplyButton workspaceId={workspaceId} flowId={run.flow_id} patch={advice.patch} />
                )}
              </li>
            ))}
          </ul>
        )}
        <footer>
          {t(`diagnosis.by.${diagnosis.source}`)} · {t("diagnosis.sure", { percent: sure })}
        </footer>
      </div>
    </>
  );
}

function ApplyButton({ workspaceId, flowId, patch }: { workspaceId: string; flowId: string; patch: Json }) {
  const t = useText(runsText);
  const { canEdit } = useRights(workspaceId);
  const apply = usePatchApply(workspaceId, flowId);
  if (!canEdit) return null;
  return (
    <Button
      size="xs"
      variant="default"
      ml={8}
      loading={apply.isPending}
      disabled={apply.isSuccess}
      leftSection={apply.isSuccess ? <Icon name="check" size={12} /> : undefined}
      onClick={() => apply.mutate(patch, { onError: tellProblem })}
    >
      {apply.isSuccess ? t("diagnosis.applied") : t("diagnosis.apply")}
    </Button>
  );
}
