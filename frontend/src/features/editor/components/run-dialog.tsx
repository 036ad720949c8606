/** Asks for what a run may be given: the flow's declared inputs and those of its trigger. */
import { NumberInput, Switch, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import type { FlowDocument, Json, NodeTypes } from "@/flow-core";
import { useText } from "@/i18n";
import { useLocalText } from "../hooks/use-local-text";
import type { RunStarter } from "../hooks/use-run-starter";
import { useCatalogue, useEditor, useFlow, useUi } from "../stores/context";
import { editorText } from "../text";
import { FilesInput } from "./inspector/controls/files-field";
import classes from "./run-dialog.module.css";

type Asked = {
  name: string;
  kind: "text" | "lines" | "number" | "boolean" | "files" | "json";
  label: string | { en: string; zh: string };
  required: boolean;
  initial: Json;
  /** Of files: only one. */
  isOne?: boolean;
};

export function RunDialog({ starter }: { starter: RunStarter }) {
  const open = useUi((state) => state.runDialogOpen);
  return open ? <OpenDialog starter={starter} /> : null;
}

function OpenDialog({ starter }: { starter: RunStarter }) {
  const { ui, workspaceId } = useEditor();
  const types = useCatalogue();
  const t = useText(editorText);
  const local = useLocalText();
  const document = useFlow((flow) => flow.document);
  const [asked] = useState(() => askedInputs(document, types));
  const [values, setValues] = useState<Record<string, Json>>(() =>
    Object.fromEntries(asked.map((item) => [item.name, item.initial])),
  );
  /** Fields whose value is not what the person means yet: broken JSON, files still on their way. */
  const [unready, setUnready] = useState<ReadonlySet<string>>(new Set());
  const set = (name: string, value: Json): void => setValues((before) => ({ ...before, [name]: value }));
  const missing = asked.some(
    (item) => item.required && (values[item.name] === null || values[item.name] === ""),
  );
  return (
    <FormDialog
      opened
      size={520}
      title={t("run.dialog")}
      action={t("run.start")}
      busy={starter.isPending}
      disabled={missing || unready.size > 0}
      error={starter.error}
      onClose={() => ui.setState({ runDialogOpen: false })}
      onAction={() => starter.start(given(asked, values))}
    >
      {asked.length === 0 && <p className={classes.none}>{t("run.no_inputs")}</p>}
      {asked.map((item) => (
        <AskedField
          key={item.name}
          asked={item}
          label={local(item.label) || item.name}
          value={values[item.name] ?? null}
          workspaceId={workspaceId}
          onChange={(value) => set(item.name, value)}
          onUnready={(isUnready) =>
            setUnready((before) => {
              const next = new Set(before);
              if (isUnready) next.add(item.name);
              else next.delete(item.name);
              return next;
            })
          }
        />
      ))}
    </FormDialog>
  );
}

/** People choose files as a list; an input that takes one file gets the first. */
function given(asked: readonly Asked[], values: Record<string, Json>): Record<string, Json> {
  const single = asked.filter((item) => item.kind === "files" && item.isOne);
  const first = single.map(({ name }) => {
    const value = values[name] ?? null;
    return [name, Array.isArray(value) ? (value[0] ?? null) : value] as const;
  });
  return { ...values, ...Object.fromEntries(first) };
}

type FieldProps = {
  asked: Asked;
  label: string;
  value: Json;
  workspaceId: string;
  onChange: (value: Json) => void;
  onUnready: (unready: boolean) => void;
};

function AskedField({ asked, label, value, workspaceId, onChange, onUnready }: FieldProps) {
  const t = useText(editorText);
  const { flowId } = useEditor();
  const common = { label, required: asked.required, name: asked.name };
  switch (asked.kind) {
    case "files":
      return (
        <div>
          <div className={classes.label}>{label}</div>
          <FilesInput
            workspaceId={workspaceId}
            place={`${flowId}/run/${asked.name}`}
            label={label}
            disabled={false}
            value={Array.isArray(value) ? value : value === null ? [] : [value]}
            onChange={onChange}
            onArriving={onUnready}
          />
        </div>
      );
    case "number":
      return (
        <NumberInput
          {...common}
          value={typeof value === "number" ? value : ""}
          onChange={(next) => onChange(next === "" ? null : Number(next))}
        />
      );
    case "boolean":
      return (
        <Switch
          label={label}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "json":
      return (
        <JsonInput
          {...common}
          value={value}
          onChange={onChange}
          onUnready={onUnready}
          wrong={t("field.bad_json")}
        />
      );
    case "lines":
      return (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={8}
          data-autofocus
          value={String(value ?? "")}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          value={String(value ?? "")}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

type JsonInputProps = {
  label: string;
  required: boolean;
  name: string;
  value: Json;
  wrong: string;
  onChange: (value: Json) => void;
  onUnready: (unready: boolean) => void;
};

function JsonInput({ label, required, name, value, wrong, onChange, onUnready }: JsonInputProps) {
  const [text, setText] = useState(() => (value === null ? "" : JSON.stringify(value, null, 2)));
  const [bad, setBad] = useState(false);
  const change = (next: string): void => {
    setText(next);
    try {
      onChange(next.trim() === "" ? null : (JSON.parse(next) as Json));
      setBad(false);
      onUnready(false);
    } catch {
      setBad(true);
      onUnready(true);
    }
  };
  return (
    <Textarea
      label={label}
      required={required}
      name={name}
      autosize
      minRows={2}
      maxRows={8}
      error={bad ? wrong : null}
      styles={{ input: { fontFamily: "var(--mono)" } }}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}

/** Declared inputs, and the fields of triggers that something reads. A flow without any just runs. */
export function askedInputs(document: FlowDocument, types: NodeTypes): Asked[] {
  const preset = triggerValues(document, types);
  const declared = document.inputs.map(
    (input): Asked => ({
      name: input.name,
      kind: kindOf(input.type),
      isOne: /^File\??$/.test(input.type),
      label: input.label || input.name,
      required: input.required === true && (input.default ?? null) === null,
      initial: input.default ?? preset.get(input.name) ?? null,
    }),
  );
  const names = new Set(declared.map((item) => item.name));
  for (const node of document.nodes) {
    const spec = types.get(node.type);
    if (!spec?.trigger || node.disabled) continue;
    for (const field of spec.config) {
      const output = spec.outputs.find((port) => port.name === field.name);
      const used = document.edges.some((edge) => edge.source === node.id && edge.source_port === field.name);
      const read = used || reads(document, `${node.id}.${field.name}`);
      if (!output || names.has(field.name) || !read) continue;
      names.add(field.name);
      declared.push({
        name: field.name,
        kind:
          field.control === "files" ? "files" : field.control === "textarea" ? "lines" : kindOf(field.type),
        label: field.label,
        required: false,
        initial: node.config[field.name] ?? field.default ?? null,
      });
    }
  }
  return declared;
}

/** What the triggers use when a run is not given the value. */
function triggerValues(document: FlowDocument, types: NodeTypes): Map<string, Json> {
  const triggers = document.nodes.filter((node) => types.get(node.type)?.trigger && !node.disabled);
  return new Map(triggers.flatMap((node) => Object.entries(node.config)));
}

function reads(document: FlowDocument, path: string): boolean {
  return document.nodes.some((node) => JSON.stringify(node.config).includes(path));
}

function kindOf(type: string): Asked["kind"] {
  if (/File/.test(type)) return "files";
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  if (type === "string") return "text";
  return type === "any" ? "text" : "json";
}
