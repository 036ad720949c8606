/** Telling apart what a value is: a reference to a big one, a file, rows, or plain JSON. */
import type { BlobRef, Json } from "@/lib/api";

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asBlob(value: Json): BlobRef | null {
  return isObject(value) && typeof value.$blob === "string" ? (value as unknown as BlobRef) : null;
}

export type Rows = { columns: string[]; rows: { [key: string]: Json }[]; total: number };

const rowsShown = 50;
const columnsShown = 24;

/** What says which row it is stands first, whatever order the columns came in. */
const namingColumns = ["name", "title"];
const rank = (column: string): number => (namingColumns.includes(column) ? 0 : 1);

/** A list of flat objects reads best as a table. */
export function asRows(value: Json): Rows | null {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return null;
  const rows = value.slice(0, rowsShown);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, columnsShown);
  return columns.length === 0 ? null : { columns, rows, total: value.length };
}

export function cellText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
