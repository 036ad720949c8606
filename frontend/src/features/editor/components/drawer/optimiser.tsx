/** What the optimiser does to the flow, why that is safe, and what it is expected to save and did save. */
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import type { LocalText } from "@/flow-core";
import { formatDuration, formatMoney, formatNumber, type Translate, useText } from "@/i18n";
import { optimisationQuery } from "../../api/queries";
import type { CostNode, OptimisationChange, OptimisationReport } from "../../api/types";
import { useLocalText } from "../../hooks/use-local-text";
import { useNodeName } from "../../hooks/use-node-name";
import { useCatalogue, useEditor, useFlow } from "../../stores/context";
import { select } from "../../stores/ui-store";
import { editorText } from "../../text";
import classes from "./drawer.module.css";

export function Optimiser() {
  const { workspaceId, flowId } = useEditor();
  const document = useFlow((flow) => flow.document);
  const t = useText(editorText);
  const query = useQuery(
    optimisationQuery(workspaceId, flowId, document.nodes.length + document.edges.length),
  );
  const report = query.data;
  if (query.error) return <p className={classes.empty}>{query.error.message}</p>;
  if (!report) return <p className={classes.empty}>{t("optimiser.loading")}</p>;
  return (
    <div className={classes.report} data-testid="optimiser">
      <Times report={report} />
      {!report.is_on && <p className="muted">{t("optimiser.off")}</p>}
      {report.is_on && report.changes.length === 0 && <p className="muted">{t("optimiser.nothing")}</p>}
      {report.changes.length > 0 && (
        <ul className={classes.list}>
          {report.changes.map((change) => (
            <ChangeRow key={`${change.kind}:${change.container}:${change.nodes.join()}`} change={change} />
          ))}
        </ul>
      )}
      {report.costs?.nodes.some((node) => node.is_cheaper) && (
        <ul className={classes.list}>
          {report.costs.nodes
            .filter((node) => node.is_cheaper)
            .map((node) => (
              <CheaperRow key={node.id} node={node} currency={report.costs?.currency ?? "USD"} />
            ))}
        </ul>
      )}
      <Path title={t("optimiser.path")} ids={report.critical_path} />
    </div>
  );
}

function Times({ report }: { report: OptimisationReport }) {
  const t = useText(editorText);
  const { predicted, measured, branches, costs } = report;
  const facts: [string, string][] = [
    [t("optimiser.drawn"), formatDuration(predicted.drawn_ms)],
    [t("optimiser.optimised"), formatDuration(predicted.optimised_ms)],
    [t("optimiser.saved"), `${formatNumber(Math.round(predicted.saved_share * 100))} %`],
  ];
  if (measured) {
    facts.push([t("optimiser.measured", { count: measured.runs }), formatDuration(measured.median_ms)]);
    if (measured.drawn_median_ms !== null)
      facts.push([
        t("optimiser.measured_drawn", { count: measured.drawn_runs }),
        formatDuration(measured.drawn_median_ms),
      ]);
  }
  if (branches && branches.hit_rate !== null && branches.predictions > 0)
    facts.push([
      t("optimiser.branches", { count: branches.predictions }),
      `${formatNumber(Math.round(branches.hit_rate * 100))} %`,
    ]);
  if (branches && branches.prepared > 0)
    facts.push([
      t("optimiser.prepared", { used: branches.used, count: branches.prepared }),
      formatDuration(branches.saved_ms),
    ]);
  facts.push(...costFacts(t, costs));
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="num">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Money: as drawn, within the budget, and what runs really cost. */
function costFacts(
  t: Translate<"optimiser.cost" | "optimiser.cost_chosen" | "optimiser.cost_measured">,
  costs: OptimisationReport["costs"],
): [string, string][] {
  if (!costs) return [];
  const said = (micros: number): string => formatMoney(micros, costs.currency);
  const facts: [string, string][] = [[t("optimiser.cost"), said(costs.drawn_micros)]];
  if (costs.budget_micros !== null)
    facts.push([
      t("optimiser.cost_chosen", { budget: said(costs.budget_micros) }),
      said(costs.chosen_micros),
    ]);
  if (costs.measured_micros !== null) facts.push([t("optimiser.cost_measured"), said(costs.measured_micros)]);
  return facts;
}

/** A node that asks its cheaper model, because the budget would not last with the other. */
function CheaperRow({ node, currency }: { node: CostNode; currency: string }) {
  const { ui } = useEditor();
  const t = useText(editorText);
  const name = useNodeName(node.id);
  const saved = (node.micros ?? 0) - (node.cheaper_micros ?? 0);
  return (
    <li className={classes.problem}>
      <button type="button" className={classes.problemMain} onClick={() => select(ui, [node.id])}>
        <Icon name="sparkle" size={13} />
        <b>{t("optimiser.kind.cheaper")}</b>
        <span className="cut">
          {t("optimiser.cheaper", { name, cheaper: node.cheaper_model, model: node.model })}
        </span>
        <span className="muted num">{t("optimiser.saves", { time: formatMoney(saved, currency) })}</span>
      </button>
    </li>
  );
}

function ChangeRow({ change }: { change: OptimisationChange }) {
  const { ui } = useEditor();
  const local = useLocalText();
  const t = useText(editorText);
  const saves =
    change.saves_ms === null || change.saves_ms < 0.05
      ? ""
      : t("optimiser.saves", { time: formatDuration(change.saves_ms) });
  return (
    <li className={classes.problem}>
      <button type="button" className={classes.problemMain} onClick={() => select(ui, change.nodes)}>
        <Icon name={ICONS[change.kind]} size={13} />
        <b>{t(`optimiser.kind.${change.kind}`)}</b>
        <span className="cut" title={both(local, change.what, change.why)}>
          {local(change.what)} <span className="muted">{local(change.why)}</span>
        </span>
        <span className="muted num">{saves}</span>
      </button>
    </li>
  );
}

const ICONS = {
  relaxed: "split",
  shared: "copy",
  hoisted: "loop",
  fused: "merge",
  streamed: "flow",
  unread: "minus",
} as const;

function both(local: (text: LocalText) => string, what: LocalText, why: LocalText): string {
  return `${local(what)} ${local(why)}`;
}

/** Nodes one after another; a click selects them. */
function Path({ title, ids }: { title: string; ids: readonly string[] }) {
  const { ui } = useEditor();
  const nodes = useFlow((flow) => flow.nodesById);
  const types = useCatalogue();
  const local = useLocalText();
  if (ids.length < 2) return null;
  const nameOf = (id: string): string => {
    const node = nodes.get(id);
    return node?.name || local(types.get(node?.type ?? "")?.name) || id;
  };
  return (
    <button type="button" className={classes.problemMain} onClick={() => select(ui, ids)}>
      <Icon name="flow" size={13} />
      <b>{title}</b>
      <span className="cut">{ids.map(nameOf).join(" → ")}</span>
    </button>
  );
}
