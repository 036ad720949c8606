/** Why a run rests, and what a person can do about it: repeat, go on, or raise its budget first. */
import { Button, NumberInput } from "@mantine/core";
import { useState } from "react";
import { ProblemNote } from "@/components/problem-view";
import { tell } from "@/components/toast";
import { minorDigits, useText } from "@/i18n";
import type { FlowDefinition, RunDetail } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { useRunCommand } from "../api";
import { type Budget, budgetText } from "../cost";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { asApiProblem } from "./node-values";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };
const REASONS = ["requested", "budget", "outcome_unknown", "dead_letter"] as const;

export function PausedCard({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const { canEdit } = useRights(workspaceId);
  const command = useRunCommand(workspaceId, run.id);
  const reason = REASONS.find((word) => word === run.reason);
  const node = definition?.nodes.find(({ id }) => id === run.error?.node_id);
  const goOn = (budget?: number) =>
    command.mutate(budget === undefined ? "resume" : { command: "resume", budget }, {
      onSuccess: () => tell(t("run.resumed")),
    });
  const canRaise = reason === "budget" && run.budget_in_force !== null;
  return (
    <section className={classes.paused} aria-label={t("paused.title")} data-testid="paused-card">
      <h2>{reason ? t(`paused.${reason}`) : t("paused.title")}</h2>
      {node && <p className="muted">{t("paused.at", { node: node.name || node.id })}</p>}
      {run.error && <ProblemNote error={asApiProblem(run.error)} />}
      {!canEdit && <p className="muted">{t("paused.viewer")}</p>}
      {canEdit && canRaise && run.budget_in_force && (
        <RaiseForm budget={run.budget_in_force} busy={command.isPending} onRaise={goOn} />
      )}
      {canEdit && !canRaise && (
        <div>
          <Button variant="default" loading={command.isPending} onClick={() => goOn()}>
            {t(reason === "outcome_unknown" || reason === "dead_letter" ? "paused.repeat" : "run.resume")}
          </Button>
        </div>
      )}
      {command.error && <ProblemNote error={command.error} />}
    </section>
  );
}

type FormProps = { budget: Budget; busy: boolean; onRaise: (amount: number) => void };

/** People write whole amounts; the smallest unit is what is kept. */
function RaiseForm({ budget, busy, onRaise }: FormProps) {
  const t = useText(runsText);
  const digits = minorDigits(budget.currency);
  const [amount, setAmount] = useState<number | null>(null);
  const minor = amount === null ? null : Math.round(amount * 10 ** digits);
  const enough = minor !== null && minor > budget.amount;
  return (
    <form
      className={classes.raise}
      onSubmit={(event) => {
        event.preventDefault();
        if (enough) onRaise(minor);
      }}
    >
      <NumberInput
        label={t("paused.amount", { currency: budget.currency })}
        placeholder={t("paused.lower", { budget: budgetText(budget) })}
        min={0}
        max={10_000_000}
        decimalScale={digits}
        value={amount ?? ""}
        onChange={(next) => setAmount(next === "" ? null : Number(next))}
      />
      <Button type="submit" loading={busy} disabled={!enough}>
        {t("paused.raise")}
      </Button>
    </form>
  );
}
