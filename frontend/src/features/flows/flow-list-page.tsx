import { Button } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Chip } from "@/components/chip";
import { commonText } from "@/components/common-text";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { SearchBox } from "@/components/search-box";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { useText } from "@/i18n";
import type { Flow } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { flowsQuery, presenceQuery } from "./api";
import { CreateFlowDialog, DeleteFlowDialog, RenameFlowDialog } from "./components/flow-dialogs";
import { type FlowAction, FlowRow } from "./components/flow-row";
import { flowsText } from "./text";

type Props = { workspaceId: string; creating: boolean; onCreating: (on: boolean) => void };
type Open = { action: FlowAction; flow: Flow } | null;

function matches(flow: Flow, search: string): boolean {
  const wanted = search.trim().toLocaleLowerCase();
  return wanted === "" || `${flow.name} ${flow.description}`.toLocaleLowerCase().includes(wanted);
}

export function FlowListPage({ workspaceId, creating, onCreating }: Props) {
  const t = useText(flowsText);
  const common = useText(commonText);
  const navigate = useNavigate();
  const { canEdit, role } = useRights(workspaceId);
  const query = useQuery({ ...flowsQuery(workspaceId), refetchInterval: 10_000 });
  const present = useQuery(presenceQuery(workspaceId)).data;
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Open>(null);
  useHotkeys([["N", () => canEdit && onCreating(true)]]);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("col.name") },
      { key: "nodes", label: t("col.nodes"), width: 76, align: "right" },
      { key: "lastRun", label: t("col.lastRun"), width: 230 },
      { key: "updated", label: t("col.updated"), width: 150 },
      { key: "by", label: t("col.by"), width: 150, hideBelow: "wide" },
      { key: "actions", label: "", width: 56 },
    ],
    [t],
  );
  const close = () => setOpen(null);
  const newFlow = (
    <Button leftSection={<Icon name="plus" />} onClick={() => onCreating(true)}>
      {t("new")}
    </Button>
  );
  const found = query.data?.filter((flow) => matches(flow, search)) ?? [];
  return (
    <Page
      flush
      title={t("title")}
      aside={role === "viewer" ? <Chip title={t("viewer")}>{common("role.viewer")}</Chip> : undefined}
      actions={canEdit && newFlow}
      toolbar={
        <>
          <SearchBox value={search} onChange={setSearch} label={t("search")} />
          <span style={{ flex: 1 }} />
          {query.data && <span className="muted">{t("count", { count: found.length })}</span>}
        </>
      }
    >
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("title")} columns={columns} />}
        isEmpty={(flows) => flows.length === 0}
        empty={<NoFlows canEdit={canEdit} onNew={() => onCreating(true)} />}
      >
        {() =>
          found.length === 0 ? (
            <EmptyState
              icon="search"
              title={t("nothing.title", { search: search.trim() })}
              action={
                <Button variant="default" onClick={() => setSearch("")}>
                  {t("nothing.clear")}
                </Button>
              }
            />
          ) : (
            <Table label={t("title")} columns={columns}>
              {found.map((flow) => (
                <FlowRow
                  key={flow.id}
                  workspaceId={workspaceId}
                  flow={flow}
                  people={present?.get(flow.id) ?? []}
                  canEdit={canEdit}
                  onAction={(action, target) => setOpen({ action, flow: target })}
                />
              ))}
            </Table>
          )
        }
      </QueryView>
      {creating && canEdit && (
        <CreateFlowDialog
          workspaceId={workspaceId}
          onClose={() => onCreating(false)}
          onCreated={(flow) =>
            void navigate({ to: "/w/$ws/flows/$flow", params: { ws: workspaceId, flow: flow.id } })
          }
        />
      )}
      {open?.action === "rename" && (
        <RenameFlowDialog workspaceId={workspaceId} flow={open.flow} onClose={close} />
      )}
      {open?.action === "delete" && (
        <DeleteFlowDialog workspaceId={workspaceId} flow={open.flow} onClose={close} />
      )}
    </Page>
  );
}

function NoFlows({ canEdit, onNew }: { canEdit: boolean; onNew: () => void }) {
  const t = useText(flowsText);
  return (
    <EmptyState
      icon="flow"
      title={t("empty.title")}
      action={
        canEdit && (
          <>
            <Button leftSection={<Icon name="plus" />} onClick={onNew}>
              {t("new")}
            </Button>
            <Button variant="default" component={Link} to="/templates">
              {t("empty.templates")}
            </Button>
          </>
        )
      }
    >
      {t(canEdit ? "empty.lead" : "empty.viewer")}
    </EmptyState>
  );
}
