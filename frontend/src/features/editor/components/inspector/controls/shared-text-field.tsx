import type * as Y from "yjs";
import { useLocalText } from "../../../hooks/use-local-text";
import { SharedCodeEditor } from "../lazy-code-editor";
import type { ControlProps } from "./field-control";

/** A text several people type in at once, character by character. */
export function SharedTextField({ node, field, label, disabled, text }: ControlProps & { text: Y.Text }) {
  const local = useLocalText();
  return (
    <SharedCodeEditor
      nodeId={node.id}
      field={field.name}
      text={text}
      label={label}
      readOnly={disabled}
      placeholder={local(field.placeholder)}
      code={field.control === "code"}
      {...(field.control === "code" && field.language ? { language: field.language } : {})}
    />
  );
}
