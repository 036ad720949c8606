/** How the whole flow runs: its mode, where its nodes run, limits, and what a failure means. */
import { NumberInput, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import type { Json, JsonObject } from "@/flow-core";
import { useText } from "@/i18n";
import { useCanEdit, useEditor, useFlow } from "../stores/context";
import { editorText } from "../text";
import classes from "./run-dialog.module.css";

const MODES = ["batch", "streaming", "event"] as const;
const EXECUTORS = ["local", "process", "celery", "ray", "kubernetes"] as const;
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

function modeOf(value: Json | undefined): (typeof MODES)[number] {
  return MODES.find((mode) => mode === value) ?? "batch";
}

function executorOf(value: Json | undefined): (typeof EXECUTORS)[number] {
  return EXECUTORS.find((executor) => executor === value) ?? "local";
}
