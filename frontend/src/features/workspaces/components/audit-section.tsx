import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { QueryView } from "@/components/query-view";
import { Section } from "@/components/section";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { AuditEntry, Json } from "@/lib/api";
import { auditQuery } from "../api";
import { useActionWord } from "../audit-text";
import { workspacesText } from "../text";
import classes from "../workspace-settings-page.module.css";

function short(value: Json | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  return Object.entries(value)
    .map(([key, part]) => `${key}: ${typeof part === "string" ? part : JSON.stringify(part)}`)
    .join(", ");
}

export function changeText(entry: Pick<AuditEntry, "before" | "after">): string {
  const before = short(entry.before);
  const after = short(entry.after);
  return before && after ? `${before} → ${after}` : before || after;
}

export function AuditSection({ workspaceId }: { workspaceId: string }) {
  const t = useText(workspacesText);
  const word = useActionWord();
  const query = useQuery(auditQuery(workspaceId));
  const columns = useMemo<Column[]>(
    () => [
      { key: "at", label: t("settings.audit.when"), width: 140 },
      { key: "actor", label: t("settings.audit.who"), width: 190 },
      { key: "action", label: t("settings.audit.what"), width: 190 },
      { key: "change", label: t("settings.audit.change") },
    ],
    [t],
  );
  return (
    <Section title={t("settings.audit")} lead={t("settings.audit.lead")}>
      <div className={classes.audit}>
        <QueryView
          query={query}
          skeleton={<TableSkeleton label={t("settings.audit")} columns={columns} rows={4} />}
          isEmpty={(entries) => entries.length === 0}
          empty={<p className={classes.note}>{t("settings.audit.empty")}</p>}
        >
          {(entries) => (
            <Table label={t("settings.audit")} columns={columns}>
              {entries.map((entry) => (
                <tr key={entry.id}>
                  <td className="muted" title={formatFullTime(entry.at)}>
                    {formatTime(entry.at)}
                  </td>
                  <td title={entry.actor_email}>{entry.actor_email || t("settings.audit.system")}</td>
                  <td title={`${entry.action} ${entry.target_type} ${entry.target_id}`}>
                    {word(entry.action)}
                  </td>
                  <td className={classes.code} title={changeText(entry)}>
                    {changeText(entry)}
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </QueryView>
      </div>
    </Section>
  );
}
