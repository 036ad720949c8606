/** Why the run failed: the error in the engine's words, then the diagnosis with its evidence and advice. */
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { type Language, useLanguage, useText } from "@/i18n";
import type { Diagnosis, FlowDefinition, RunDetail, Text } from "@/lib/api";
import { diagnosesQuery } from "../api";
import classes from "../run-page.module.css";
import { runsText } from "../text";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };

const say = (text: string | Text, language: Language): string =>
  typeof text === "string" ? text : text[language];

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
        <Finding key={diagnosis.id} diagnosis={diagnosis} />
      ))}
      {query.data?.length === 0 && query.isFetching && (
        <div className={classes.advice}>
          <span className="muted">{t("diagnosis.looking")}</span>
        </div>
      )}
    </section>
  );
}

function Finding({ diagnosis }: { diagnosis: Diagnosis }) {
  const t = useText(runsText);
  const language = useLanguage();
  const sure = diagnosis.confidence.toLocaleString(language, { style: "percent" });
  return (
    <>
      {diagnosis.evidence && <div className={classes.evidence}>{diagnosis.evidence}</div>}
      <div className={classes.advice}>
        <b>{say(diagnosis.cause, language)}</b>
        {diagnosis.advice.length > 0 && (
          <ul aria-label={t("diagnosis.advice")}>
            {diagnosis.advice.map((advice) => (
              <li key={say(advice.text, language)}>{say(advice.text, language)}</li>
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
