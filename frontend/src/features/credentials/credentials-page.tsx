import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Chip } from "@/components/chip";
import { FormDialog } from "@/components/dialog";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { tell, tellProblem } from "@/components/toast";
import { formatDate, formatFullTime, formatTime, useText } from "@/i18n";
import type { Credential } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { credentialsQuery, useCredentialDelete, useCredentialTest } from "./api";
import { CreateCredentialDialog } from "./components/create-credential-dialog";
import { credentialsText } from "./text";

export function CredentialsPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(credentialsText);
  const { canEdit, canManage } = useRights(workspaceId);
  const query = useQuery(credentialsQuery(workspaceId));
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Credential | null>(null);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("col.name"), width: "24%" },
      { key: "kind", label: t("col.kind"), width: 120 },
      { key: "hosts", label: t("col.hosts") },
      { key: "used", label: t("col.used"), width: 140 },
      { key: "created", label: t("col.created"), width: 130, hideBelow: "wide" },
      { key: "actions", label: "", width: 150 },
    ],
    [t],
  );
  const create = (
    <Button leftSection={<Icon name="plus" />} onClick={() => setCreating(true)}>
      {t("new")}
    </Button>
  );
  return (
    <Page
      flush
      title={t("title")}
      actions={canManage ? create : <span className="muted">{t("note")}</span>}
      toolbar={<span className="muted">{t("lead")}</span>}
    >
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("title")} columns={columns} rows={4} />}
        isEmpty={(items) => items.length === 0}
        empty={
          <EmptyState icon="key" title={t("empty.title")} action={canManage && create}>
            {t(canManage ? "empty.lead" : "empty.other")}
          </EmptyState>
        }
      >
        {(items) => (
          <Table label={t("title")} columns={columns}>
            {items.map((item) => (
              <CredentialRow
                key={item.id}
                workspaceId={workspaceId}
                credential={item}
                canTest={canEdit}
                onDelete={canManage ? () => setDeleting(item) : undefined}
              />
            ))}
          </Table>
        )}
      </QueryView>
      {creating && <CreateCredentialDialog workspaceId={workspaceId} onClose={() => setCreating(false)} />}
      {deleting && (
        <DeleteCredentialDialog
          workspaceId={workspaceId}
          credential={deleting}
          onClose={() => setDeleting(null)}
        />
      )}
    </Page>
  );
}

type RowProps = {
  workspaceId: string;
  credential: Credential;
  canTest: boolean;
  onDelete?: (() => void) | undefined;
};

function CredentialRow({ workspaceId, credential, canTest, onDelete }: RowProps) {
  const t = useText(credentialsText);
  const test = useCredentialTest(workspaceId);
  const { id, name, kind, allowed_hosts, created_at, last_used_at } = credential;
  const tryIt = () => test.mutate(id, { onSuccess: ({ message }) => tell(message), onError: tellProblem });
  return (
    <tr>
      <td title={name}>
        <b style={{ fontWeight: 500 }}>{name}</b>
      </td>
      <td>
        <Chip>{kind === "api_key" ? t("kind.api_key") : kind}</Chip>
      </td>
      <td className="mono muted" title={allowed_hosts?.join(", ")}>
        {allowed_hosts === null ? t("hosts.hidden") : allowed_hosts.join(", ")}
      </td>
      <td className="muted">{last_used_at ? formatTime(last_used_at) : t("never")}</td>
      <td data-hide="wide" className="muted" title={formatFullTime(created_at)}>
        {formatDate(created_at)}
      </td>
      <td data-align="right">
        <Button.Group style={{ justifyContent: "flex-end" }}>
          {canTest && (
            <Button
              size="xs"
              variant="default"
              loading={test.isPending}
              aria-label={t("test.of", { name })}
              onClick={tryIt}
            >
              {t("test")}
            </Button>
          )}
          {onDelete && (
            <Button size="xs" variant="default" c="var(--danger-text)" onClick={onDelete}>
              {t("delete")}
            </Button>
          )}
        </Button.Group>
      </td>
    </tr>
  );
}

type DeleteProps = { workspaceId: string; credential: Credential; onClose: () => void };

function DeleteCredentialDialog({ workspaceId, credential, onClose }: DeleteProps) {
  const t = useText(credentialsText);
  const remove = useCredentialDelete(workspaceId);
  const done = () => {
    tell(t("deleted", { name: credential.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("delete.title", { name: credential.name })}
      action={t("delete.action")}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(credential.id, { onSuccess: done })}
    >
      <p>{t("delete.lead")}</p>
    </FormDialog>
  );
}
