import { TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { isObject, type Json, sameJson } from "@/flow-core";
import { useText } from "@/i18n";
import { useEditor } from "../../../stores/context";
import { editorText } from "../../../text";
import classes from "../inspector.module.css";
import type { ControlProps } from "./field-control";

type Pair = { id: number; key: string; value: string };

let nextId = 0;

/** Named values; a row without a name is not written. */
export function KeyValueField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  const stored = node.config[field.name] ?? field.default ?? {};
  const [rows, setRows] = useState<Pair[] | null>(null);
  const shown = rows && sameJson(asObject(rows, stored), stored) ? rows : (rows ?? fromObject(stored));
  const write = (next: Pair[]): void => {
    setRows(next);
    operations.setConfig(node.id, field.name, asObject(next, stored));
  };
  const change = (id: number, part: "key" | "value", text: string): void =>
    write(shown.map((row) => (row.id === id ? { ...row, [part]: text } : row)));
  const release = (): void => {
    undo.cut();
    setRows((current) => (current?.some((row) => row.key === "") ? current : null));
  };
  return (
    <fieldset className={classes.pairs} aria-label={label}>
      {shown.map((row) => (
        <div key={row.id} className={classes.pairRow}>
          <TextInput
            aria-label={t("pair.name")}
            placeholder={t("pair.name")}
            value={row.key}
            disabled={disabled}
            onChange={(event) => change(row.id, "key", event.currentTarget.value)}
            onBlur={release}
          />
          <TextInput
            aria-label={t("pair.value", { name: row.key })}
            placeholder={t("pair.value", { name: "" })}
            value={row.value}
            disabled={disabled}
            onChange={(event) => change(row.id, "value", event.currentTarget.value)}
            onBlur={release}
          />
          {!disabled && (
            <button
              type="button"
              className={classes.iconButton}
              aria-label={t("pair.remove", { name: row.key })}
              onClick={() => write(shown.filter((other) => other.id !== row.id))}
            >
              <Icon name="close" size={12} />
            </button>
          )}
        </div>
      ))}
      {!disabled && (
        <button
          type="button"
          className={classes.addRow}
          onClick={() => setRows([...shown, { id: nextId++, key: "", value: "" }])}
        >
          <Icon name="plus" size={12} /> {t("pair.add")}
        </button>
      )}
    </fieldset>
  );
}

function fromObject(value: Json): Pair[] {
  if (!isObject(value)) return [];
  return Object.entries(value).map(([key, item]) => ({
    id: nextId++,
    key,
    value: typeof item === "string" ? item : JSON.stringify(item),
  }));
}

/** Values keep the type they had: a number typed over a number stays a number. */
function asObject(rows: readonly Pair[], before: Json): Record<string, Json> {
  const known = isObject(before) ? before : {};
  return Object.fromEntries(
    rows
      .filter((row) => row.key !== "")
      .map((row) => {
        const old = known[row.key];
        if (old !== undefined && typeof old !== "string" && JSON.stringify(old) === row.value)
          return [row.key, old];
        return [
          row.key,
          typeof old === "number" && Number.isFinite(Number(row.value)) ? Number(row.value) : row.value,
        ];
      }),
  );
}
