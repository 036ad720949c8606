import { Textarea, TextInput } from "@mantine/core";
import { useDraft } from "../../../hooks/use-draft";
import { useLocalText } from "../../../hooks/use-local-text";
import { useEditor } from "../../../stores/context";
import type { ControlProps } from "./field-control";

export function TextField({
  node,
  field,
  label,
  disabled,
  lines = false,
}: ControlProps & { lines?: boolean }) {
  const { operations, undo } = useEditor();
  const local = useLocalText();
  const stored = node.config[field.name] ?? field.default;
  const draft = useDraft(
    typeof stored === "string"
      ? stored
      : stored === undefined || stored === null
        ? ""
        : JSON.stringify(stored),
    (text) => operations.setConfig(node.id, field.name, text),
    () => undo.cut(),
  );
  const common = {
    "aria-label": label,
    placeholder: local(field.placeholder),
    disabled,
    value: draft.value,
    onFocus: () => undo.cut(),
    onBlur: draft.blur,
  };
  if (!lines) {
    return <TextInput {...common} onChange={(event) => draft.change(event.currentTarget.value)} />;
  }
  return (
    <Textarea
      {...common}
      autosize
      minRows={field.control === "textarea" ? 2 : 1}
      maxRows={10}
      styles={field.control === "code" ? { input: { fontFamily: "var(--mono)", fontSize: 11.5 } } : {}}
      onChange={(event) => draft.change(event.currentTarget.value)}
    />
  );
}
