import { Button, Select } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { Chip } from "@/components/chip";
import { commonText } from "@/components/common-text";
import { EmptyState } from "@/components/empty-state";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { statesText } from "@/components/states-text";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { useText } from "@/i18n";
import { flowNamesQuery, isActive, runsQuery } from "./api";
import { RunRow } from "./components/run-row";
import { isRunState, type RunFilters, runStates } from "./filters";
import classes from "./run-list-page.module.css";
import { runsText } from "./text";

type Props = { workspaceId: string; filters: RunFilters; onFilters: (filters: RunFilters) => void };

export function RunListPage({ workspaceId, filters, onFilters }: Props) {
  const t = useText(runsText);
  const common = useText(commonText);
  const query = useInfiniteQuery(runsQuery(workspaceId, filters));
  const runs = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const active = runs.filter((run) => isActive(run.state)).length;
  const filtered = filters.flow !== undefined || filters.state !== undefined;
  const columns = useMemo<Column[]>(
    () => [
      { key: "number", label: t("col.number"), width: 84 },
      { key: "flow", label: t("col.flow") },
      { key: "state", label: t("col.state"), width: 120 },
      { key: "trigger", label: t("col.trigger"), width: 130, hideBelow: "wide" },
      { key: "started", label: t("col.started"), width: 160 },
      { key: "duration", label: t("col.duration"), width: 90, align: "right" },
      { key: "cost", label: t("col.cost"), width: 84, align: "right", hideBelow: "wide" },
      { key: "version", label: t("col.version"), width: 90 },
      { key: "person", label: t("col.person"), width: 150 },
    ],
    [t],
  );
  return (
    <Page
      flush
      title={t("title")}
      aside={active > 0 && <Chip tone="info">{t("active", { count: active })}</Chip>}
      toolbar={<Filters workspaceId={workspaceId} filters={filters} onFilters={onFilters} />}
    >
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("title")} columns={columns} rows={12} />}
        isEmpty={() => runs.length === 0}
        empty={<NoRuns workspaceId={workspaceId} filtered={filtered} onClear={() => onFilters({})} />}
      >
        {() => (
          <>
            <Table label={t("title")} columns={columns}>
              {runs.map((run) => (
                <RunRow key={run.id} workspaceId={workspaceId} run={run} />
              ))}
            </Table>
            {query.hasNextPage && (
              <div className={classes.more}>
                <Button
                  variant="default"
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {common("more")}
                </Button>
              </div>
            )}
          </>
        )}
      </QueryView>
    </Page>
  );
}

function Filters({ workspaceId, filters, onFilters }: Props) {
  const t = useText(runsText);
  const stateWord = useText(statesText);
  const flows = useQuery(flowNamesQuery(workspaceId)).data ?? [];
  return (
    <>
      <Select
        w={220}
        clearable
        searchable
        aria-label={t("filter.flow")}
        placeholder={t("filter.flow.all")}
        value={filters.flow ?? null}
        data={flows.map((flow) => ({ value: flow.id, label: flow.name }))}
        onChange={(flow) => onFilters({ ...filters, flow: flow ?? undefined })}
      />
      <Select
        w={150}
        clearable
        aria-label={t("filter.state")}
        placeholder={t("filter.state.all")}
        value={filters.state ?? null}
        data={runStates.map((state) => ({ value: state, label: stateWord(state) }))}
        onChange={(state) => onFilters({ ...filters, state: isRunState(state) ? state : undefined })}
      />
      <span className={classes.live}>{t("live")}</span>
    </>
  );
}

type NoRunsProps = { workspaceId: string; filtered: boolean; onClear: () => void };

function NoRuns({ workspaceId, filtered, onClear }: NoRunsProps) {
  const t = useText(runsText);
  if (filtered) {
    return (
      <EmptyState
        icon="filter"
        title={t("nothing.title")}
        action={
          <Button variant="default" onClick={onClear}>
            {t("filter.clear")}
          </Button>
        }
      />
    );
  }
  return (
    <EmptyState
      icon="run-history"
      title={t("empty.title")}
      action={
        <Button renderRoot={(props) => <Link to="/w/$ws/flows" params={{ ws: workspaceId }} {...props} />}>
          {t("empty.action")}
        </Button>
      }
    >
      {t("empty.lead")}
    </EmptyState>
  );
}
