/** The right control for a field's type. */
import { Select, Switch } from "@mantine/core";
import { type FieldSpec, type FlowNode, type Json, sharedText } from "@/flow-core";
import { useLocalText } from "../../../hooks/use-local-text";
import { useEditor } from "../../../stores/context";
import { CredentialField } from "./credential-field";
import { FilesField } from "./files-field";
import { FlowField } from "./flow-field";
import { JsonField } from "./json-field";
import { KeyValueField } from "./key-value-field";
import { ListField } from "./list-field";
import { NumberField, SliderField } from "./number-field";
import { SharedTextField } from "./shared-text-field";
import { TextField } from "./text-field";

export type ControlProps = { node: FlowNode; field: FieldSpec; label: string; disabled: boolean };

export function FieldControl(props: ControlProps) {
  const { node, field } = props;
  const { roots } = useEditor();
  const text = field.shared_text ? sharedText(roots, node.id, field.name) : undefined;
  if (text) return <SharedTextField key={`${node.id}.${field.name}`} {...props} text={text} />;
  switch (kindOf(field, node.config[field.name])) {
    case "switch":
      return <SwitchField {...props} />;
    case "number":
      return <NumberField {...props} />;
    case "slider":
      return <SliderField {...props} />;
    case "select":
      return <SelectField {...props} />;
    case "json":
      return <JsonField {...props} />;
    case "list":
      return <ListField {...props} />;
    case "key_value":
      return <KeyValueField {...props} />;
    case "files":
      return <FilesField {...props} />;
    case "credential":
      return <CredentialField {...props} />;
    case "flow":
      return <FlowField {...props} />;
    case "lines":
      return <TextField {...props} lines />;
    default:
      return <TextField {...props} />;
  }
}

type Kind =
  | "switch"
  | "number"
  | "slider"
  | "select"
  | "json"
  | "list"
  | "key_value"
  | "files"
  | "credential"
  | "flow"
  | "lines"
  | "text";

/** A value the control could not show (an object in a list of words) falls back to JSON. */
function kindOf(field: FieldSpec, value: Json | undefined): Kind {
  const control = field.control;
  if (control === "files" || control === "credential" || control === "flow") return control;
  if (control === "select" || (!control && (field.options?.length ?? 0) > 0)) return "select";
  if (control === "switch" || (!control && field.type === "boolean")) return "switch";
  if (control === "slider" && field.minimum !== undefined && field.maximum !== undefined) return "slider";
  if (control === "number" || field.type === "integer" || field.type === "number") return "number";
  if (control === "list") return isWords(value) ? "list" : "json";
  if (control === "key_value") return isPairs(value) ? "key_value" : "json";
  if (control === "json" || (!control && (field.type === "object" || field.type === "array"))) return "json";
  if (control === "textarea" || control === "code" || control === "prompt") return "lines";
  return "text";
}

function isWords(value: Json | undefined): boolean {
  return (
    value === undefined ||
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number"))
  );
}

function isPairs(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return (
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => typeof item !== "object" || item === null)
  );
}

function SwitchField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  return (
    <Switch
      aria-label={label}
      disabled={disabled}
      checked={(node.config[field.name] ?? field.default) === true}
      onChange={(event) => {
        undo.cut();
        operations.setConfig(node.id, field.name, event.currentTarget.checked);
        undo.cut();
      }}
    />
  );
}

function SelectField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  const local = useLocalText();
  const value = node.config[field.name] ?? field.default;
  const options = (field.options ?? []).map((option) => ({
    value: option.value,
    label: local(option.label),
  }));
  const unknown =
    typeof value === "string" && value !== "" && !options.some((option) => option.value === value);
  return (
    <Select
      aria-label={label}
      disabled={disabled}
      data={unknown ? [...options, { value, label: value }] : options}
      value={typeof value === "string" ? value : null}
      allowDeselect={!field.required}
      placeholder={local(field.placeholder)}
      onChange={(next) => {
        undo.cut();
        operations.setConfig(node.id, field.name, next ?? undefined);
        undo.cut();
      }}
    />
  );
}
