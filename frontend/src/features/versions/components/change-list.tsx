import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { QueryView } from "@/components/query-view";
import { useLanguage, useText } from "@/i18n";
import type { Change, Comparison } from "@/lib/api";
import { type Against, comparisonQuery } from "../api";
import { type Sort, shownAs, sortOf } from "../change-model";
import classes from "../history-page.module.css";
import { versionsText } from "../text";
import { wordDiff } from "../word-diff";

type Props = { workspaceId: string; flowId: string; number: number; against: Against };

export function ChangeList({ workspaceId, flowId, number, against }: Props) {
  const t = useText(versionsText);
  const language = useLanguage();
  const query = useQuery(comparisonQuery(workspaceId, flowId, number, against, language));
  return (
    <QueryView
      query={query}
      skeleton={<Skeleton height={160} maw={880} />}
      isEmpty={(comparison) => comparison.changes.length === 0}
      empty={
        <EmptyState icon="check" title={t("changes.none")}>
          {query.data &&
            t("changes.none.lead", {
              before: nameOf(query.data.before, t),
              after: nameOf(query.data.after, t),
            })}
        </EmptyState>
      }
    >
      {(comparison) => <Changes comparison={comparison} />}
    </QueryView>
  );
}

type NameText = (key: "draft" | "changes.start") => string;

function nameOf(name: string, t: NameText): string {
  if (name === "") return t("changes.start");
  return name === "draft" ? t("draft") : name;
}

const signs: Record<Sort, string> = { added: "+", changed: "~", removed: "−" };

function Changes({ comparison }: { comparison: Comparison }) {
  const t = useText(versionsText);
  const { changes } = comparison;
  const count = (sort: Sort) => changes.filter((change) => sortOf(change) === sort).length;
  return (
    <div className={classes.card}>
      <div className={classes.sumBar}>
        <b>{t("changes", { count: changes.length })}</b>
        <span className="muted">
          {nameOf(comparison.before, t)} → {nameOf(comparison.after, t)}
        </span>
        {(["added", "changed", "removed"] as const).map((sort) => (
          <span key={sort}>
            <Mark sort={sort} />
            {t(`sum.${sort}`, { count: count(sort) })}
          </span>
        ))}
      </div>
      {changes.map((change, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: changes of one comparison are a fixed list without ids.
        <ChangeRow key={index} change={change} />
      ))}
    </div>
  );
}

function Mark({ sort }: { sort: Sort }) {
  return (
    <i className={classes.mark} data-kind={sort} style={{ fontStyle: "normal" }} aria-hidden="true">
      {signs[sort]}
    </i>
  );
}

function ChangeRow({ change }: { change: Change }) {
  const t = useText(versionsText);
  const sort = sortOf(change);
  const shown = shownAs(change);
  return (
    <div className={classes.change}>
      <Mark sort={sort} />
      <span className={classes.text}>
        <span className="sr-only">{t(`kind.${sort}`)}: </span>
        {change.text}
      </span>
      {shown.as === "values" && (
        <span className={classes.values}>
          {shown.before !== null && <del className={classes.before}>{shown.before}</del>}
          {shown.before !== null && shown.after !== null && <Icon name="chevron-right" size={12} />}
          {shown.after !== null && <ins className={classes.after}>{shown.after}</ins>}
        </span>
      )}
      {shown.as === "words" && <Words before={shown.before} after={shown.after} />}
    </div>
  );
}

function Words({ before, after }: { before: string; after: string }) {
  return (
    <div className={classes.diffText}>
      {wordDiff(before, after).map((piece, index) => {
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one fixed difference.
        if (piece.kind === "removed") return <del key={index}>{piece.text}</del>;
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one fixed difference.
        if (piece.kind === "added") return <ins key={index}>{piece.text}</ins>;
        return piece.text;
      })}
    </div>
  );
}
