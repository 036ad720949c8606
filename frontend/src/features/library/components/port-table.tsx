import { Chip } from "@/components/chip";
import { type Column, Table } from "@/components/table";
import { useText } from "@/i18n";
import type { NodePort } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { libraryText } from "../text";

export function PortTable({ label, ports }: { label: string; ports: NodePort[] }) {
  const t = useText(libraryText);
  const local = useLocal();
  if (ports.length === 0) return <p className="muted">{t("none")}</p>;
  const columns: Column[] = [
    { key: "name", label: t("col.name"), width: "30%" },
    { key: "type", label: t("col.type"), width: "26%" },
    { key: "about", label: t("col.about") },
  ];
  return (
    <Table label={label} columns={columns}>
      {ports.map((port) => (
        <tr key={port.name}>
          <td>
            {local(port.label)} <span className="mono muted">{port.name}</span>{" "}
            {port.required && <Chip tone="warn">{t("required")}</Chip>}
          </td>
          <td className="mono">{port.type}</td>
          <td data-wrap className="muted">
            {[port.description ? local(port.description) : "", port.multiple ? t("many") : ""]
              .filter(Boolean)
              .join(" · ")}
          </td>
        </tr>
      ))}
    </Table>
  );
}
