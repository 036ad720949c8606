import { ActionIcon, Button, Menu } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useMemo } from "react";
import { Chip } from "@/components/chip";
import { Icon, isIconName } from "@/components/icon";
import { QueryView } from "@/components/query-view";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { tell, tellFailure, tellProblem } from "@/components/toast";
import { formatTime, useLanguage, useText } from "@/i18n";
import type { Credential, CredentialKind } from "@/lib/api";
import { type Kinds, useCredentialTest } from "../api";
import classes from "../credentials.module.css";
import { credentialsText } from "../text";

type Actions = {
  workspaceId: string;
  canTest: boolean;
  onDetails: ((credential: Credential) => void) | undefined;
  onEdit: ((credential: Credential) => void) | undefined;
  onConnect: ((id: string) => void) | undefined;
  onDelete: ((credential: Credential) => void) | undefined;
};

type Props = Actions & { query: UseQueryResult<Credential[]>; kinds: Kinds | undefined; empty: ReactNode };

export function CredentialList({ query, kinds, empty, ...actions }: Props) {
  const t = useText(credentialsText);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("col.name"), width: "26%" },
      { key: "kind", label: t("col.kind"), width: 210 },
      { key: "hosts", label: t("col.hosts") },
      { key: "used", label: t("col.used"), width: 130, hideBelow: "wide" },
      { key: "actions", label: "", width: 130 },
    ],
    [t],
  );
  return (
    <QueryView
      query={query}
      skeleton={<TableSkeleton label={t("title")} columns={columns} rows={4} />}
      isEmpty={(items) => items.length === 0}
      empty={empty}
    >
      {(items) => (
        <Table label={t("title")} columns={columns}>
          {items.map((item) => (
            <CredentialRow key={item.id} credential={item} kind={kinds?.byId.get(item.kind)} {...actions} />
          ))}
        </Table>
      )}
    </QueryView>
  );
}

type RowProps = Actions & { credential: Credential; kind: CredentialKind | undefined };

function CredentialRow({ credential, kind, ...actions }: RowProps) {
  const t = useText(credentialsText);
  const language = useLanguage();
  const test = useCredentialTest(actions.workspaceId);
  const { id, name, allowed_hosts, last_used_at } = credential;
  const tryIt = () =>
    test.mutate(id, {
      onSuccess: ({ ok, message }) => (ok ? tell : tellFailure)(message),
      onError: tellProblem,
    });
  const hosts = allowed_hosts?.length === 0 ? t("hosts.none") : allowed_hosts?.join(", ");
  return (
    <tr>
      <td title={name}>
        <b style={{ fontWeight: 500 }}>{name}</b>
        <AccountState credential={credential} kind={kind} />
      </td>
      <td>
        <Chip>
          <Icon name={kind && isIconName(kind.icon) ? kind.icon : "key"} size={12} />{" "}
          {kind?.name[language] ?? credential.kind}
        </Chip>
      </td>
      <td className={allowed_hosts?.length ? "mono muted" : "muted"} title={allowed_hosts?.join(", ")}>
        {hosts ?? t("hosts.hidden")}
      </td>
      <td data-hide="wide" className="muted">
        {last_used_at ? formatTime(last_used_at) : t("never")}
      </td>
      <td data-align="right">
        <div className={classes.actions}>
          {actions.canTest && kind?.can_be_tested && hosts !== t("hosts.none") && (
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
          <RowMenu credential={credential} kind={kind} {...actions} />
        </div>
      </td>
    </tr>
  );
}

/** Of accounts: that they are not connected, or have to be connected again. */
function AccountState({ credential, kind }: { credential: Credential; kind: CredentialKind | undefined }) {
  const t = useText(credentialsText);
  if (!kind?.is_account || (credential.connected_at && !credential.broken)) return null;
  if (credential.fields?.grant === "client_credentials" && !credential.broken) return null;
  const said = credential.broken ? t("account.broken", { reason: credential.broken }) : t("account.none");
  return (
    <small className={classes.warning} title={said}>
      {said}
    </small>
  );
}

function RowMenu({ credential, kind, onDetails, onEdit, onConnect, onDelete }: RowProps) {
  const t = useText(credentialsText);
  if (!onDetails && !onEdit && !onDelete) return null;
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="default" size={26} aria-label={t("menu.of", { name: credential.name })}>
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {onEdit && kind && <Menu.Item onClick={() => onEdit(credential)}>{t("edit")}</Menu.Item>}
        {onConnect && kind?.is_account && (
          <Menu.Item onClick={() => onConnect(credential.id)}>
            {t(credential.connected_at ? "reconnect" : "connect")}
          </Menu.Item>
        )}
        {onDetails && <Menu.Item onClick={() => onDetails(credential)}>{t("details")}</Menu.Item>}
        {onDelete && (
          <Menu.Item c="var(--danger-text)" onClick={() => onDelete(credential)}>
            {t("delete")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
