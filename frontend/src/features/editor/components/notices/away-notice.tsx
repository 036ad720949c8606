/** "While you were away": how much changed, by whom, and where. */
import { useQuery } from "@tanstack/react-query";
import { useStore } from "zustand";
import { Icon } from "@/components/icon";
import { formatTime, useText } from "@/i18n";
import { awayAuthorsQuery } from "../../api/activity";
import { collabText } from "../../collab-text";
import { useView } from "../../hooks/use-view";
import type { AwaySummary } from "../../stores/away";
import { type AwayFact, awayFacts } from "../../stores/away-facts";
import { useEditor } from "../../stores/context";
import { select } from "../../stores/ui-store";
import classes from "./notices.module.css";

export function AwayNotice() {
  const { away } = useEditor();
  const summary = useStore(away.store, (state) => state.summary);
  return summary && <Summary key={summary.since} summary={summary} />;
}

function Summary({ summary }: { summary: AwaySummary }) {
  const { away, workspaceId, flowId } = useEditor();
  const authors = useQuery(awayAuthorsQuery(workspaceId, flowId, summary)).data ?? [];
  const show = useShow();
  const t = useText(collabText);
  const facts = awayFacts(summary.changes);
  const everything = facts.flatMap((fact) => fact.nodes);
  return (
    <section className={`${classes.notice} ${classes.away}`} aria-label={t("away.title")} data-testid="away">
      <header>
        <b>{t("away.title")}</b>
        <span>{t("away.since", { time: formatTime(new Date(summary.since).toISOString()) })}</span>
        <div className={classes.actions}>
          {everything.length > 0 && (
            <button type="button" onClick={() => show(everything)}>
              {t("away.show")}
            </button>
          )}
          <button
            type="button"
            className={classes.bare}
            aria-label={t("dismiss")}
            onClick={() => away.dismiss()}
          >
            <Icon name="close" size={12} />
          </button>
        </div>
      </header>
      <ul className={classes.facts}>
        {facts.map((fact) => (
          <li key={fact.kind}>
            <Fact fact={fact} onShow={show} />
          </li>
        ))}
      </ul>
      {authors.length > 0 && (
        <span className={classes.who}>{t("away.by", { people: authors.join(", ") })}</span>
      )}
    </section>
  );
}

function Fact({ fact, onShow }: { fact: AwayFact; onShow: (nodes: readonly string[]) => void }) {
  const t = useText(collabText);
  const words = t(`away.${fact.kind}`, { count: fact.count });
  if (fact.nodes.length === 0) return <span>{words}</span>;
  return (
    <button type="button" data-testid={`away-${fact.kind}`} onClick={() => onShow(fact.nodes)}>
      {words}
    </button>
  );
}

/** Selects the nodes that are still there and brings them into view. */
function useShow(): (ids: readonly string[]) => void {
  const { ui, live } = useEditor();
  const view = useView();
  return (ids) => {
    const nodes = [...new Set(ids)].filter((id) => live.snapshot.nodesById.has(id));
    if (nodes.length === 0) return;
    select(ui, nodes);
    view.fit({ nodes: nodes.map((id) => ({ id })), padding: 0.3, duration: 320 });
  };
}
