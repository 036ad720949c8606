/** Inputs and outputs of one attempt of one node. */
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ProblemNote } from "@/components/problem-view";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import { ApiProblem, type NodeRun, type RunDetail, type RunError } from "@/lib/api";
import { runNodeQuery } from "../api";
import { nodeCost } from "../cost";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { ValuePorts } from "./value-view";

type Props = { workspaceId: string; run: RunDetail; node: NodeRun };

export function asApiProblem(error: RunError): ApiProblem {
  return new ApiProblem({
    status: 0,
    code: error.code,
    title: error.message,
    ...(error.hint ? { hint: error.hint } : {}),
  });
}

export function NodeValues({ workspaceId, run, node }: Props) {
  const t = useText(runsText);
  const query = useQuery({
    ...runNodeQuery(workspaceId, run.id, node.id, node.state),
    enabled: !run.are_values_hidden,
  });
  const cost = nodeCost(node);
  return (
    <div className={classes.values}>
      {node.error && (
        <div className={classes.wide}>
          <ProblemNote error={asApiProblem(node.error)} />
        </div>
      )}
      {cost && <p className={classes.wide}>{t("node.cost", { cost })}</p>}
      {run.are_values_hidden ? (
        <p className={classes.quiet}>{t("run.hidden")}</p>
      ) : (
        <QueryView query={query} skeleton={<Skeleton height={90} />}>
          {(detail) => (
            <>
              <section aria-label={t("value.input")}>
                <h3>{t("value.input")}</h3>
                <ValuePorts workspaceId={workspaceId} value={detail.inputs} />
              </section>
              <section aria-label={t("value.output")}>
                <h3>{t("value.output")}</h3>
                <ValuePorts workspaceId={workspaceId} value={detail.outputs} />
              </section>
            </>
          )}
        </QueryView>
      )}
    </div>
  );
}
