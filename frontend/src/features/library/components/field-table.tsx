import { Chip } from "@/components/chip";
import { type Column, Table } from "@/components/table";
import { formatNumber, useText } from "@/i18n";
import type { Json, NodeField } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { libraryText } from "../text";

export function FieldTable({ fields }: { fields: NodeField[] }) {
  const t = useText(libraryText);
  if (fields.length === 0) return <p className="muted">{t("settings.none")}</p>;
  const columns: Column[] = [
    { key: "name", label: t("col.name"), width: "30%" },
    { key: "type", label: t("col.type"), width: 90 },
    { key: "about", label: t("col.about") },
    { key: "default", label: t("col.default"), width: 130, hideBelow: "wide" },
  ];
  return (
    <Table label={t("settings")} columns={columns}>
      {fields.map((field) => (
        <FieldRow key={field.name} field={field} />
      ))}
    </Table>
  );
}

function FieldRow({ field }: { field: NodeField }) {
  const t = useText(libraryText);
  const local = useLocal();
  const limits = useLimits(field);
  return (
    <tr>
      <td data-wrap>
        {local(field.label)} <span className="mono muted">{field.name}</span>{" "}
        {field.required && <Chip tone="warn">{t("required")}</Chip>}{" "}
        {field.wireable && <Chip>{t("wireable")}</Chip>} {field.expert && <Chip>{t("expert")}</Chip>}
      </td>
      <td className="mono">{field.type}</td>
      <td data-wrap className="muted">
        {[field.help ? local(field.help) : "", ...limits].filter(Boolean).join(" · ")}
      </td>
      <td data-hide="wide" className="mono muted" title={shown(field.default)}>
        {shown(field.default)}
      </td>
    </tr>
  );
}

/** Bounds, choices and credentials in words. */
function useLimits(field: NodeField): string[] {
  const t = useText(libraryText);
  const local = useLocal();
  const unit = field.unit ? ` ${local(field.unit)}` : "";
  const said: string[] = [];
  if (field.minimum !== undefined) said.push(t("limit.from", { value: formatNumber(field.minimum) + unit }));
  if (field.maximum !== undefined) said.push(t("limit.to", { value: formatNumber(field.maximum) + unit }));
  if (field.max_length !== undefined) said.push(t("limit.length", { count: field.max_length }));
  if (field.options && field.options.length > 0) {
    said.push(t("choices", { list: field.options.map((option) => local(option.label)).join(", ") }));
  }
  if (field.credential_kinds && field.credential_kinds.length > 0) {
    said.push(t("kinds", { list: field.credential_kinds.join(", ") }));
  }
  if (field.expression === "item") said.push(t("per.item"));
  return said;
}

function shown(value: Json | undefined): string {
  if (value === undefined || value === null || value === "") return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
