/** Rows of objects as a table; only as many as fit a glance, the rest by pages. */
import { useState } from "react";
import { isObject, type Json, type JsonObject } from "@/flow-core";
import { useText } from "@/i18n";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

const PAGE = 50;
const MAX_COLUMNS = 30;

export function isTable(value: Json | undefined): value is JsonObject[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

export function DataTable({ rows }: { rows: readonly JsonObject[] }) {
  const t = useText(editorText);
  const [page, setPage] = useState(0);
  const pages = Math.ceil(rows.length / PAGE);
  const shown = rows.slice(page * PAGE, (page + 1) * PAGE);
  const columns = [...new Set(rows.slice(0, 200).flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard. */}
      <div className={classes.tableFrame} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th>#</th>
              {columns.map((column) => (
                <th key={column}>{column}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows of a finished run never move.
              <tr key={index}>
                <td className="muted">{page * PAGE + index + 1}</td>
                {columns.map((column) => (
                  <td key={column} title={cell(row[column])}>
                    {cell(row[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && (
        <div className={classes.pager}>
          <button
            type="button"
            className={classes.small}
            disabled={page === 0}
            onClick={() => setPage(page - 1)}
          >
            {t("data.before")}
          </button>
          <span className="num">
            {page + 1} / {pages}
          </span>
          <button
            type="button"
            className={classes.small}
            disabled={page >= pages - 1}
            onClick={() => setPage(page + 1)}
          >
            {t("data.after")}
          </button>
        </div>
      )}
    </>
  );
}

function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
