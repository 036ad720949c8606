/** The product's table: quiet header, 38-pixel rows, and a skeleton of the same size. */
import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "@/i18n";
import { commonText } from "./common-text";
import classes from "./table.module.css";

export type Column = {
  key: string;
  label: string;
  width?: number | string;
  align?: "right";
  hideBelow?: "wide";
};

type Props = { label: string; columns: readonly Column[]; children: ReactNode; busy?: boolean };

export function Table({ label, columns, children, busy }: Props) {
  return (
    <table className={classes.table} aria-label={label} aria-busy={busy}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th
              key={column.key}
              scope="col"
              style={{ width: column.width }}
              data-align={column.align}
              data-hide={column.hideBelow}
            >
              {column.label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

const widths = ["62%", "48%", "70%", "40%", "56%"];

export function TableSkeleton({ label, columns, rows = 8 }: Omit<Props, "children"> & { rows?: number }) {
  const t = useText(commonText);
  return (
    <Table label={label} columns={columns} busy>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholder rows have no identity.
        <tr key={row}>
          {columns.map((column, index) => (
            <td key={column.key} data-align={column.align} data-hide={column.hideBelow}>
              {column.label !== "" && (
                <Skeleton height={10} width={widths[(row + index) % widths.length] ?? "50%"} />
              )}
              {row === 0 && index === 0 && <span className="sr-only">{t("loading")}</span>}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
