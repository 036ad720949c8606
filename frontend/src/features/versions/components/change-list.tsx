import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { EmptyState } from "@/components/empty-state";
import { QueryView } from "@/components/query-view";
import { useLanguage, useText } from "@/i18n";
import type { Comparison } from "@/lib/api";
import { useNodeTypes } from "@/lib/node-types";
import { type Against, comparisonQuery, type Side, sideQuery } from "../api";
import { groupChanges, type Sides, type Sort } from "../change-model";
import classes from "../history-page.module.css";
import { versionsText } from "../text";
import { ChangeGroup, Mark } from "./change-group";

type Props = { workspaceId: string; flowId: string; number: number; parent: number | null; against: Against };

/** From which flow to which: from a version to the draft, otherwise from the other one to the version. */
function endsOf(number: number, parent: number | null, against: Against): { from: Side; to: Side } {
  if (against === "draft") return { from: number, to: "draft" };
  return { from: against === "parent" ? parent : Number(against), to: number };
}

export function ChangeList({ workspaceId, flowId, number, parent, against }: Props) {
  const t = useText(versionsText);
  const language = useLanguage();
  const query = useQuery(comparisonQuery(workspaceId, flowId, number, against, language));
  const { from, to } = endsOf(number, parent, against);
  const before = useQuery(sideQuery(workspaceId, flowId, from)).data;
  const after = useQuery(sideQuery(workspaceId, flowId, to)).data;
  const ready = before !== undefined && after !== undefined ? { before, after } : null;
  return (
    <QueryView
      query={query}
      skeleton={<Waiting />}
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
      {(comparison) =>
        ready ? <Changes workspaceId={workspaceId} comparison={comparison} sides={ready} /> : <Waiting />
      }
    </QueryView>
  );
}

function Waiting() {
  return <Skeleton height={160} maw={880} radius={8} />;
}

function nameOf(name: string, t: (key: "draft" | "changes.start") => string): string {
  if (name === "") return t("changes.start");
  return name === "draft" ? t("draft") : name;
}

type ChangesProps = { workspaceId: string; comparison: Comparison; sides: Sides };

function Changes({ workspaceId, comparison, sides }: ChangesProps) {
  const t = useText(versionsText);
  const types = useNodeTypes(workspaceId);
  const groups = groupChanges(comparison.changes, sides);
  const count = (sort: Sort) => groups.filter((group) => group.sort === sort).length;
  return (
    <div className={classes.card}>
      <div className={classes.sumBar}>
        <b>{t("changes", { count: groups.length })}</b>
        <span>
          {nameOf(comparison.before, t)} → {nameOf(comparison.after, t)}
        </span>
        {(["added", "changed", "removed"] as const)
          .filter((sort) => count(sort) > 0)
          .map((sort) => (
            <span key={sort}>
              <Mark sort={sort} />
              {t(`sum.${sort}`, { count: count(sort) })}
            </span>
          ))}
      </div>
      {groups.map((group) => (
        <ChangeGroup key={group.key} group={group} types={types} />
      ))}
    </div>
  );
}
