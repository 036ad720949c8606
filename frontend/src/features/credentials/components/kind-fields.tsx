import { NumberInput, PasswordInput, Select, Textarea, TextInput } from "@mantine/core";
import { useLanguage, useText } from "@/i18n";
import { ApiProblem, type CredentialKind } from "@/lib/api";
import type { Draft, KindField } from "../api";
import { fieldsOf, isShown } from "../draft";
import { credentialsText } from "../text";

type Props = {
  kind: CredentialKind;
  draft: Draft;
  /** The folded fields, or the others. */
  expert: boolean;
  problem: unknown;
  onChange: (name: string, value: string) => void;
};

/** The fields of a kind, as it declares them. */
export function KindFields({ kind, draft, expert, problem, onChange }: Props) {
  const shown = fieldsOf(kind).filter(
    (field) => Boolean(field.expert) === expert && isShown(field, draft.fields),
  );
  const at = (name: string) => (problem instanceof ApiProblem ? problem.field(`fields.${name}`) : undefined);
  return shown.map((field) => (
    <KindFieldInput
      key={field.name}
      field={field}
      value={draft.fields[field.name] ?? ""}
      isKept={Boolean(draft.id)}
      error={at(field.name)}
      onChange={(value) => onChange(field.name, value)}
    />
  ));
}

const order: ("label" | "input" | "description" | "error")[] = ["label", "input", "description", "error"];

type InputProps = {
  field: KindField;
  value: string;
  isKept: boolean;
  error: string | null | undefined;
  onChange: (value: string) => void;
};

function KindFieldInput({ field, value, isKept, error, onChange }: InputProps) {
  const t = useText(credentialsText);
  const language = useLanguage();
  const shared = {
    label: field.label[language],
    description: field.help?.[language],
    placeholder: field.placeholder?.[language],
    required: Boolean(field.required),
    withAsterisk: false,
    inputWrapperOrder: order,
    error,
    value,
  };
  if (field.secret) {
    const keeps = isKept ? t("secret.kept") : undefined;
    return (
      <PasswordInput
        {...shared}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ "aria-label": t("secret.show") }}
        placeholder={keeps}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  if (field.options && field.options.length > 0) {
    const data = field.options.map((option) => ({ value: option.value, label: option.label[language] }));
    return <Select {...shared} data={data} allowDeselect={false} onChange={(next) => onChange(next ?? "")} />;
  }
  if (field.type === "integer") {
    return (
      <NumberInput
        {...shared}
        min={field.minimum ?? 0}
        max={field.maximum ?? Number.MAX_SAFE_INTEGER}
        allowDecimal={false}
        thousandSeparator=""
        onChange={(next) => onChange(String(next))}
      />
    );
  }
  if (field.control === "textarea") {
    return (
      <Textarea
        {...shared}
        autosize
        minRows={3}
        maxRows={8}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...shared}
      inputWrapperOrder={["label", "input", "description", "error"]}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
