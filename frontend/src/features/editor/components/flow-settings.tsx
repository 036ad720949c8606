/** How the whole flow runs: its mode, where its nodes run, limits, and what a failure means. */
import { NumberInput, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { isObject, type Json, type JsonObject } from "@/flow-core";
import { minorDigits, useText } from "@/i18n";
import { EXECUTORS } from "../api/executors";
import { useCanEdit, useEditor, useFlow } from "../stores/context";
import { editorText } from "../text";
import classes from "./run-dialog.module.css";

const MODES = ["batch", "streaming", "event"] as const;

const CURRENCIES = ["USD", "EUR", "CNY", "GBP", "JPY"];
const DAY_S = 86_400;

export function FlowSettings({ onClose }: { onClose: () => void }) {
  const { operations, undo } = useEditor();
  const settings = useFlow((flow) => flow.document.settings) as JsonObject;
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const [draft, setDraft] = useState<JsonObject>(settings);
  const set = (name: string, value: Json | undefined): void =>
    setDraft(({ [name]: _, ...rest }) => (value === undefined ? rest : { ...rest, [name]: value }));
  const number = (value: string | number): number | undefined =>
    Number(value) > 0 ? Number(value) : undefined;
  const save = (): void => {
    undo.cut();
    operations.setMeta("settings", draft);
    undo.cut();
    onClose();
  };
  return (
    <FormDialog
      opened
      size={520}
      title={t("flow.settings")}
      action={t("flow.settings.save")}
      disabled={!canEdit}
      onClose={onClose}
      onAction={save}
    >
      <Select
        label={t("flow.mode")}
        description={t(`flow.mode.help.${modeOf(draft.mode)}`)}
        data={MODES.map((value) => ({ value, label: t(`flow.mode.${value}`) }))}
        value={modeOf(draft.mode)}
        allowDeselect={false}
        disabled={!canEdit}
        onChange={(value) => set("mode", value ?? undefined)}
      />
      <Select
        label={t("flow.executor")}
        description={t("flow.executor.help")}
        data={EXECUTORS.map((value) => ({ value, label: t(`flow.executor.${value}`) }))}
        value={executorOf(draft.executor)}
        allowDeselect={false}
        disabled={!canEdit}
        onChange={(value) => set("executor", value ?? undefined)}
      />
      <div className={classes.pair}>
        <NumberInput
          label={t("flow.timeout")}
          min={1}
          max={365 * DAY_S}
          placeholder={t("flow.none")}
          value={typeof draft.timeout_s === "number" ? draft.timeout_s : ""}
          disabled={!canEdit}
          onChange={(value) => set("timeout_s", number(value))}
        />
        <NumberInput
          label={t("flow.concurrency")}
          min={1}
          max={1000}
          placeholder={t("flow.none")}
          value={typeof draft.concurrency === "number" ? draft.concurrency : ""}
          disabled={!canEdit}
          onChange={(value) => set("concurrency", number(value))}
        />
      </div>
      <div className={classes.pair}>
        <Select
          label={t("flow.on_error")}
          data={(["fail", "continue"] as const).map((value) => ({
            value,
            label: t(`flow.on_error.${value}`),
          }))}
          value={draft.on_error === "continue" ? "continue" : "fail"}
          allowDeselect={false}
          disabled={!canEdit}
          onChange={(value) => set("on_error", value ?? undefined)}
        />
        <Select
          label={t("flow.optimise")}
          data={(["on", "off"] as const).map((value) => ({ value, label: t(`flow.optimise.${value}`) }))}
          value={draft.optimise === "off" ? "off" : "on"}
          allowDeselect={false}
          disabled={!canEdit}
          onChange={(value) => set("optimise", value ?? undefined)}
        />
      </div>
      <BudgetFields value={draft.budget} disabled={!canEdit} onChange={(value) => set("budget", value)} />
      <TextInput
        label={t("flow.timezone")}
        placeholder="UTC"
        maxLength={64}
        value={typeof draft.timezone === "string" ? draft.timezone : ""}
        disabled={!canEdit}
        onChange={(event) => set("timezone", event.currentTarget.value || undefined)}
      />
    </FormDialog>
  );
}

type BudgetProps = {
  value: Json | undefined;
  disabled: boolean;
  onChange: (value: Json | undefined) => void;
};

/** Kept in the currency's smallest unit; people read and write whole amounts. */
function BudgetFields({ value, disabled, onChange }: BudgetProps) {
  const t = useText(editorText);
  const budget = isObject(value) && typeof value.amount === "number" ? value : null;
  const [currency, setCurrency] = useState(typeof budget?.currency === "string" ? budget.currency : "USD");
  const digits = minorDigits(currency);
  const put = (amount: number | null, unit: string): void =>
    onChange(
      amount === null ? undefined : { amount: Math.round(amount * 10 ** minorDigits(unit)), currency: unit },
    );
  const amount = budget ? Number(budget.amount) / 10 ** digits : null;
  return (
    <div className={classes.pair}>
      <NumberInput
        label={t("flow.budget")}
        description={t("flow.budget.help")}
        inputWrapperOrder={["label", "input", "description"]}
        min={0}
        max={10_000_000}
        decimalScale={digits}
        placeholder={t("flow.none")}
        value={amount ?? ""}
        disabled={disabled}
        onChange={(next) => put(next === "" ? null : Number(next), currency)}
      />
      <Select
        label={t("flow.budget.currency")}
        data={[...new Set([...CURRENCIES, currency])]}
        value={currency}
        allowDeselect={false}
        disabled={disabled}
        onChange={(next) => {
          if (next === null) return;
          setCurrency(next);
          put(amount, next);
        }}
      />
    </div>
  );
}

function modeOf(value: Json | undefined): (typeof MODES)[number] {
  return MODES.find((mode) => mode === value) ?? "batch";
}

function executorOf(value: Json | undefined): (typeof EXECUTORS)[number] {
  return EXECUTORS.find((executor) => executor === value) ?? "local";
}
