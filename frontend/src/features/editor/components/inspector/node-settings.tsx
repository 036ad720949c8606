/** What the engine does around a node: retries, time limit, what a failure means, cache, notes. */
import { NumberInput, Select, Switch, TagsInput, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { FlowNode, Json } from "@/flow-core";
import { useText } from "@/i18n";
import { EXECUTORS, executorsQuery, mayTravel } from "../../api/executors";
import { useDraft } from "../../hooks/use-draft";
import { useCanEdit, useCatalogue, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import { Fold } from "./fold";
import classes from "./inspector.module.css";
import { TriggerPlace } from "./trigger-place";

export function NodeSettings({ node }: { node: FlowNode }) {
  const t = useText(editorText);
  const spec = useCatalogue().get(node.type);
  const errors = useErrorSummary(node);
  return (
    <>
      {!spec?.trigger && (
        <Fold title={t("settings.errors")} summary={errors}>
          <RetrySettings node={node} />
          {spec && mayTravel(spec) && <ExecutorSetting node={node} />}
          {spec?.effect === "pure" && <CacheSetting node={node} />}
        </Fold>
      )}
      {spec?.trigger && node.type !== "manual_trigger" && <TriggerPlace node={node} />}
      <Fold title={t("settings.notes")} summary={node.notes?.split("\n")[0] ?? t("settings.none")}>
        <NotesSetting node={node} />
      </Fold>
    </>
  );
}

function useErrorSummary(node: FlowNode): string {
  const t = useText(editorText);
  const count = numberOf(node.retry?.count) ?? 0;
  const action = t(`on_error.${onError(node)}`);
  return count > 0 ? t("settings.summary", { count, action: action.toLowerCase() }) : action;
}

function RetrySettings({ node }: { node: FlowNode }) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  const disabled = !useCanEdit();
  const count = numberOf(node.retry?.count) ?? 0;
  const setRetry = (change: Record<string, Json>): void => {
    const next = { count, ...node.retry, ...change };
    operations.setNode([node.id], "retry", next.count === 0 ? undefined : next);
    undo.cut();
  };
  return (
    <>
      <div className={classes.pair}>
        <NumberInput
          label={t("settings.retries")}
          min={0}
          max={20}
          value={count}
          disabled={disabled}
          onChange={(value) => setRetry({ count: Number(value) || 0 })}
        />
        <NumberInput
          label={t("settings.delay")}
          min={0}
          max={3600}
          value={numberOf(node.retry?.delay_s) ?? 1}
          disabled={disabled || count === 0}
          onChange={(value) => setRetry({ delay_s: Number(value) || 0 })}
        />
      </div>
      {count > 0 && (
        <div className={classes.pair}>
          <NumberInput
            label={t("settings.backoff")}
            min={1}
            max={10}
            step={0.5}
            prefix="× "
            value={numberOf(node.retry?.backoff) ?? 2}
            disabled={disabled}
            onChange={(value) => setRetry({ backoff: Number(value) || 1 })}
          />
          <NumberInput
            label={t("settings.jitter")}
            min={0}
            max={100}
            step={10}
            prefix="± "
            suffix=" %"
            value={Math.round((numberOf(node.retry?.jitter) ?? 0.1) * 100)}
            disabled={disabled}
            onChange={(value) => setRetry({ jitter: Math.min((Number(value) || 0) / 100, 1) })}
          />
        </div>
      )}
      {count > 0 && (
        <TagsInput
          label={t("settings.retry_errors")}
          placeholder={t("settings.retry_errors_help")}
          value={wordsOf(node.retry?.errors)}
          maxTags={50}
          disabled={disabled}
          onChange={(words) => {
            const { errors: _, ...rest } = node.retry ?? {};
            const next =
              words.length > 0 ? { ...rest, errors: words.map((word) => word.slice(0, 100)) } : rest;
            operations.setNode([node.id], "retry", { count, ...next });
            undo.cut();
          }}
        />
      )}
      <NumberInput
        label={t("settings.concurrency")}
        min={1}
        max={1000}
        placeholder={t("settings.concurrency_none")}
        value={node.concurrency ?? ""}
        disabled={disabled}
        onChange={(value) => {
          operations.setNode([node.id], "concurrency", Number(value) > 0 ? Number(value) : undefined);
          undo.cut();
        }}
      />
      <div className={classes.pair}>
        <NumberInput
          label={t("settings.timeout")}
          min={1}
          max={86_400}
          placeholder="300"
          value={node.timeout_s ?? ""}
          disabled={disabled}
          onChange={(value) => {
            operations.setNode([node.id], "timeout_s", Number(value) > 0 ? Number(value) : undefined);
            undo.cut();
          }}
        />
        <Select
          label={t("settings.on_error")}
          data={(["fail", "continue", "route"] as const).map((value) => ({
            value,
            label: t(`on_error.${value}`),
          }))}
          value={onError(node)}
          allowDeselect={false}
          disabled={disabled}
          onChange={(value) => {
            operations.setNode([node.id], "on_error", value === "fail" || value === null ? undefined : value);
            undo.cut();
          }}
        />
      </div>
    </>
  );
}

/** A place that is not set up can be seen, and chosen: the flow may run elsewhere tomorrow. */
function ExecutorSetting({ node }: { node: FlowNode }) {
  const { operations, undo, workspaceId } = useEditor();
  const t = useText(editorText);
  const places = useQuery(executorsQuery(workspaceId)).data ?? [];
  const chosen = EXECUTORS.find((name) => name === node.executor) ?? null;
  const variable = places.find((place) => place.name === chosen)?.variable ?? "";
  return (
    <Select
      label={t("settings.executor")}
      {...(chosen ? { description: t(`settings.executor.${chosen}.help`) } : {})}
      inputWrapperOrder={["label", "input", "description", "error"]}
      error={variable ? t("settings.executor.missing", { variable }) : null}
      data={[
        { value: "", label: t("settings.executor.flow") },
        ...EXECUTORS.map((value) => ({ value: value as string, label: t(`flow.executor.${value}`) })),
      ]}
      value={chosen ?? ""}
      allowDeselect={false}
      disabled={!useCanEdit()}
      onChange={(value) => {
        operations.setNode([node.id], "executor", value || undefined);
        undo.cut();
      }}
    />
  );
}

function CacheSetting({ node }: { node: FlowNode }) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  return (
    <Switch
      label={t("settings.cache")}
      description={t("settings.cache_help")}
      checked={node.cache === true}
      disabled={!useCanEdit()}
      onChange={(event) => {
        operations.setNode([node.id], "cache", event.currentTarget.checked || undefined);
        undo.cut();
      }}
    />
  );
}

function NotesSetting({ node }: { node: FlowNode }) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  const draft = useDraft(
    node.notes ?? "",
    (text) => operations.setNode([node.id], "notes", text || undefined),
    () => undo.cut(),
  );
  return (
    <Textarea
      aria-label={t("settings.notes")}
      placeholder={t("settings.notes_help")}
      autosize
      minRows={2}
      maxRows={8}
      maxLength={20_000}
      disabled={!useCanEdit()}
      value={draft.value}
      onChange={(event) => draft.change(event.currentTarget.value)}
      onFocus={draft.focus}
      onBlur={draft.blur}
    />
  );
}

function onError(node: FlowNode): "fail" | "continue" | "route" {
  return node.on_error === "continue" || node.on_error === "route" ? node.on_error : "fail";
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function wordsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
