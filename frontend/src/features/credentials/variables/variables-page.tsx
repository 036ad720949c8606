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
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Variable } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { SecretPlaces } from "../components/secret-places";
import { type Environment, useVariableDelete, variablesQuery } from "./api";
import { variablesText } from "./text";
import { VariableDialog } from "./variable-dialog";
import classes from "./variables.module.css";

export function VariablesPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(variablesText);
  const { canEdit, canManage } = useRights(workspaceId);
  const query = useQuery({ ...variablesQuery(workspaceId), enabled: canEdit });
  const [editing, setEditing] = useState<Variable | "new" | null>(null);
  const [deleting, setDeleting] = useState<Variable | null>(null);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("col.name"), width: "24%" },
      { key: "environment", label: t("col.environment"), width: 120 },
      { key: "value", label: t("col.value") },
      { key: "description", label: t("col.description"), width: "22%", hideBelow: "wide" },
      { key: "actions", label: "", width: 160 },
    ],
    [t],
  );
  const create = (
    <Button leftSection={<Icon name="plus" />} onClick={() => setEditing("new")}>
      {t("new")}
    </Button>
  );
  const empty = (
    <EmptyState icon="hash" title={t("empty.title")} action={canEdit && create}>
      {t(canEdit ? "empty.lead" : "empty.other")}
    </EmptyState>
  );
  return (
    <Page
      flush
      title={t("title")}
      aside={<SecretPlaces workspaceId={workspaceId} here="variables" />}
      actions={canEdit ? create : null}
      toolbar={<span className="muted">{t("lead", { open: "{{", close: "}}" })}</span>}
    >
      {canEdit ? (
        <QueryView
          query={query}
          skeleton={<TableSkeleton label={t("title")} columns={columns} rows={4} />}
          isEmpty={(items) => items.length === 0}
          empty={empty}
        >
          {(items) => (
            <Table label={t("title")} columns={columns}>
              {items.map((item) => (
                <VariableRow
                  key={item.id}
                  variable={item}
                  canChange={canManage || !item.is_secret}
                  onEdit={() => setEditing(item)}
                  onDelete={() => setDeleting(item)}
                />
              ))}
            </Table>
          )}
        </QueryView>
      ) : (
        empty
      )}
      {editing && (
        <VariableDialog
          workspaceId={workspaceId}
          variable={editing === "new" ? null : editing}
          canSecret={canManage}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && (
        <DeleteVariableDialog
          workspaceId={workspaceId}
          variable={deleting}
          onClose={() => setDeleting(null)}
        />
      )}
    </Page>
  );
}

type RowProps = { variable: Variable; canChange: boolean; onEdit: () => void; onDelete: () => void };

function VariableRow({ variable, canChange, onEdit, onDelete }: RowProps) {
  const t = useText(variablesText);
  const { name, environment, value, is_secret, description } = variable;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return (
    <tr>
      <td className="mono" title={name}>
        {name}
      </td>
      <td>
        <Chip>{t(`env.${environment as Environment}`)}</Chip>
      </td>
      <td className="mono muted" title={is_secret ? undefined : shown}>
        {is_secret ? (
          <span className={classes.hidden}>
            <Icon name="lock" size={12} /> {t("hidden")}
          </span>
        ) : (
          shown
        )}
      </td>
      <td data-hide="wide" className="muted" title={description}>
        {description}
      </td>
      <td data-align="right">
        {canChange && (
          <Button.Group style={{ justifyContent: "flex-end" }}>
            <Button size="xs" variant="default" aria-label={t("edit.of", { name })} onClick={onEdit}>
              {t("edit")}
            </Button>
            <Button
              size="xs"
              variant="default"
              c="var(--danger-text)"
              aria-label={t("delete.of", { name })}
              onClick={onDelete}
            >
              {t("delete")}
            </Button>
          </Button.Group>
        )}
      </td>
    </tr>
  );
}

type DeleteProps = { workspaceId: string; variable: Variable; onClose: () => void };

function DeleteVariableDialog({ workspaceId, variable, onClose }: DeleteProps) {
  const t = useText(variablesText);
  const remove = useVariableDelete(workspaceId);
  const done = () => {
    tell(t("deleted", { name: variable.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("delete.title", { name: variable.name })}
      action={t("delete.action")}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(variable.id, { onSuccess: done })}
    >
      <p>{t("delete.lead")}</p>
    </FormDialog>
  );
}
