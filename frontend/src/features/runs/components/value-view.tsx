import { SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { JsonView } from "@/components/json-view";
import { formatBytes, formatNumber, useText } from "@/i18n";
import type { BlobRef, Json } from "@/lib/api";
import { blobUrl } from "../api";
import classes from "../run-page.module.css";
import { runsText } from "../text";
import { asBlob, asRows, cellText, isObject, type Rows } from "../value-model";

type Props = { workspaceId: string; value: Json };

/** A mapping of port to value, each under its port's name. */
export function ValuePorts({ workspaceId, value }: Props) {
  const t = useText(runsText);
  if (!isObject(value)) {
    if (value === null || value === undefined) return <p className={classes.quiet}>{t("value.none")}</p>;
    return <OneValue workspaceId={workspaceId} name="" value={value} />;
  }
  const ports = Object.entries(value);
  if (ports.length === 0) return <p className={classes.quiet}>{t("value.none")}</p>;
  return ports.map(([name, part]) => (
    <OneValue key={name} workspaceId={workspaceId} name={name} value={part} />
  ));
}

function OneValue({ workspaceId, name, value }: Props & { name: string }) {
  const t = useText(runsText);
  const blob = asBlob(value);
  const shown = blob ? (blob.preview ?? null) : value;
  const rows = asRows(shown);
  const [view, setView] = useState<"table" | "json">("table");
  return (
    <>
      {(name || blob || rows) && (
        <div className={classes.port}>
          <b className="mono">{name}</b>
          {blob && <BlobLink workspaceId={workspaceId} blob={blob} name={name} />}
          <span className={classes.grow} />
          {rows && (
            <SegmentedControl
              size="xs"
              aria-label={t("value.view")}
              value={view}
              data={[
                { value: "table", label: t("value.table") },
                { value: "json", label: t("value.json") },
              ]}
              onChange={(next) => setView(next as "table" | "json")}
            />
          )}
        </div>
      )}
      {rows && view === "table" ? (
        <DataTable rows={rows} label={name} />
      ) : (
        shown !== null && <JsonView value={shown} label={name} />
      )}
      {shown === null && !blob && <p className={classes.quiet}>{t("value.none")}</p>}
    </>
  );
}

function BlobLink({ workspaceId, blob, name }: { workspaceId: string; blob: BlobRef; name: string }) {
  const t = useText(runsText);
  const label = t("value.file", { name: blob.name ?? name, size: formatBytes(blob.size_bytes) });
  return (
    <a href={blobUrl(workspaceId, blob.$blob)} download={blob.name ?? true} title={label}>
      <Icon name="download" style={{ display: "inline", verticalAlign: "-2px" }} />{" "}
      {formatBytes(blob.size_bytes)}
    </a>
  );
}

function DataTable({ rows, label }: { rows: Rows; label: string }) {
  const t = useText(runsText);
  return (
    <div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard. */}
      <section className={classes.tableBox} aria-label={label} tabIndex={0}>
        <table className={classes.data}>
          <thead>
            <tr>
              {rows.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.rows.map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows of a fixed value have no identity.
              <tr key={index}>
                {rows.columns.map((column) => (
                  <td key={column} title={cellText(row[column])}>
                    {cellText(row[column])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {rows.total > rows.rows.length && (
        <p className={classes.quiet}>
          {t("value.rows", { shown: formatNumber(rows.rows.length), total: formatNumber(rows.total) })}
        </p>
      )}
    </div>
  );
}
