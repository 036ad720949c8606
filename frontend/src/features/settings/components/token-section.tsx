import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { FormDialog } from "@/components/dialog";
import { Icon } from "@/components/icon";
import { QueryView } from "@/components/query-view";
import { Section } from "@/components/section";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { tell } from "@/components/toast";
import { formatDate, formatTime, useText } from "@/i18n";
import type { ApiToken } from "@/lib/api";
import { tokensQuery, useTokenDelete } from "../api";
import classes from "../me-page.module.css";
import { settingsText } from "../text";
import { CreateTokenDialog } from "./create-token-dialog";

export function TokenSection() {
  const t = useText(settingsText);
  const query = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<ApiToken | null>(null);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("tokens.name") },
      { key: "scopes", label: t("tokens.scopes"), width: 200 },
      { key: "used", label: t("tokens.used"), width: 140 },
      { key: "expires", label: t("tokens.expires"), width: 120 },
      { key: "actions", label: "", width: 90 },
    ],
    [t],
  );
  return (
    <Section title={t("tokens.title")} lead={t("tokens.lead")}>
      <div className={classes.bar}>
        <Button variant="default" leftSection={<Icon name="plus" />} onClick={() => setCreating(true)}>
          {t("tokens.new")}
        </Button>
      </div>
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("tokens.title")} columns={columns} rows={2} />}
        isEmpty={(tokens) => tokens.length === 0}
        empty={<p className={classes.quiet}>{t("tokens.empty")}</p>}
      >
        {(tokens) => (
          <div className={classes.table}>
            <Table label={t("tokens.title")} columns={columns}>
              {tokens.map((token) => (
                <TokenRow key={token.id} token={token} onDelete={() => setDeleting(token)} />
              ))}
            </Table>
          </div>
        )}
      </QueryView>
      {creating && <CreateTokenDialog onClose={() => setCreating(false)} />}
      {deleting && <DeleteTokenDialog token={deleting} onClose={() => setDeleting(null)} />}
    </Section>
  );
}

function TokenRow({ token, onDelete }: { token: ApiToken; onDelete: () => void }) {
  const t = useText(settingsText);
  return (
    <tr>
      <td title={token.name}>
        {token.name} <span className="mono muted">{token.prefix}…</span>
      </td>
      <td className="muted">{token.scopes.map((scope) => t(`scope.${scope}`)).join(", ")}</td>
      <td className="muted">{token.last_used_at ? formatTime(token.last_used_at) : t("tokens.never")}</td>
      <td className="muted">{formatDate(token.expires_at)}</td>
      <td data-align="right">
        <Button size="xs" variant="default" c="var(--danger-text)" onClick={onDelete}>
          {t("tokens.delete")}
        </Button>
      </td>
    </tr>
  );
}

function DeleteTokenDialog({ token, onClose }: { token: ApiToken; onClose: () => void }) {
  const t = useText(settingsText);
  const remove = useTokenDelete();
  const done = () => {
    tell(t("tokens.deleted", { name: token.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("tokens.delete.title", { name: token.name })}
      action={t("tokens.delete.action")}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(token.id, { onSuccess: done })}
    >
      <p>{t("tokens.delete.lead")}</p>
    </FormDialog>
  );
}
