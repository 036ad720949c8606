import { PasswordInput, SegmentedControl, Switch, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem, type Variable } from "@/lib/api";
import { type Environment, environments, useVariableSave, type VariableDraft } from "./api";
import { variablesText } from "./text";
import classes from "./variables.module.css";

type Props = { workspaceId: string; variable: Variable | null; canSecret: boolean; onClose: () => void };

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

function draftOf(variable: Variable | null): VariableDraft {
  const value = variable?.value;
  return {
    id: variable?.id ?? null,
    name: variable?.name ?? "",
    environment: (variable?.environment ?? "") as Environment,
    isSecret: variable?.is_secret ?? false,
    text: typeof value === "string" ? value : value == null ? "" : JSON.stringify(value, null, 2),
    description: variable?.description ?? "",
  };
}

export function VariableDialog({ workspaceId, variable, canSecret, onClose }: Props) {
  const t = useText(variablesText);
  const save = useVariableSave(workspaceId);
  const [draft, setDraft] = useState(() => draftOf(variable));
  const set = (change: Partial<VariableDraft>) => setDraft({ ...draft, ...change });
  const problem = save.error instanceof ApiProblem ? save.error : null;
  const named = identifier.test(draft.name);
  const filled = draft.text !== "" || (variable !== null && draft.isSecret);
  const done = () => {
    tell(t("saved", { name: draft.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={variable ? t("edit.title", { name: variable.name }) : t("create.title")}
      action={t("save")}
      disabled={!named || !filled}
      busy={save.isPending}
      error={save.error}
      onClose={onClose}
      onAction={() => save.mutate(draft, { onSuccess: done })}
    >
      <TextInput
        data-autofocus={variable === null || undefined}
        label={t("name")}
        description={t("name.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={draft.name}
        maxLength={64}
        disabled={variable !== null}
        styles={{ input: { fontFamily: "var(--mono)" } }}
        error={problem?.field("name") ?? (draft.name !== "" && !named ? t("name.bad") : undefined)}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <div>
        <span className={classes.label}>{t("environment")}</span>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-label={t("environment")}
          disabled={variable !== null}
          data={environments.map((value) => ({ value, label: t(`env.${value}`) }))}
          value={draft.environment}
          onChange={(value) => set({ environment: value as Environment })}
        />
        <small className={classes.hint}>{t("environment.hint")}</small>
      </div>
      {(canSecret || draft.isSecret) && (
        <Switch
          label={t("secret")}
          description={t("secret.hint")}
          checked={draft.isSecret}
          disabled={variable !== null}
          onChange={(event) => set({ isSecret: event.currentTarget.checked })}
        />
      )}
      <ValueInput
        draft={draft}
        isKept={variable !== null}
        error={problem?.field("value")}
        onChange={(text) => set({ text })}
      />
      <TextInput
        label={t("description")}
        value={draft.description}
        maxLength={300}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
    </FormDialog>
  );
}

type ValueProps = {
  draft: VariableDraft;
  isKept: boolean;
  error: string | null | undefined;
  onChange: (text: string) => void;
};

function ValueInput({ draft, isKept, error, onChange }: ValueProps) {
  const t = useText(variablesText);
  if (draft.isSecret) {
    return (
      <PasswordInput
        label={t("value")}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("value.show") }}
        placeholder={isKept ? t("value.kept") : undefined}
        value={draft.text}
        error={error}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <Textarea
      label={t("value")}
      description={t("value.hint")}
      inputWrapperOrder={["label", "input", "description", "error"]}
      autosize
      minRows={1}
      maxRows={12}
      value={draft.text}
      error={error}
      styles={{ input: { fontFamily: "var(--mono)" } }}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
