/** What a run has cost, and what it may. */
import { formatMoney, minorDigits, type Translate } from "@/i18n";
import type { Json, NodeRun, Run } from "@/lib/api";
import { isObject } from "./value-model";

export type Budget = { amount: number; currency: string };

export const budgetMicros = ({ amount, currency }: Budget): number =>
  (amount / 10 ** minorDigits(currency)) * 1_000_000;

export const budgetText = (budget: Budget): string => formatMoney(budgetMicros(budget), budget.currency);

export function costText(t: Translate<"run.cost.of">, run: Run): string {
  const cost = formatMoney(run.cost.micros, run.cost.currency || run.budget?.currency || "USD");
  return run.budget ? t("run.cost.of", { cost, budget: budgetText(run.budget) }) : cost;
}

/** What one attempt of a node has spent; null for nothing. */
export function nodeCost(node: Pick<NodeRun, "resources">): string | null {
  const resources = node.resources as Json;
  const cost = isObject(resources) ? resources.cost : null;
  if (!isObject(cost ?? null)) return null;
  const { micros, currency } = cost as { micros: number; currency: string };
  return formatMoney(micros, currency);
}
