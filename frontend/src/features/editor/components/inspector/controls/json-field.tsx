import { useState } from "react";
import type { Json } from "@/flow-core";
import { useText } from "@/i18n";
import { useEditor } from "../../../stores/context";
import { editorText } from "../../../text";
import { CodeEditor } from "../lazy-code-editor";
import { Message } from "../message";
import type { ControlProps } from "./field-control";

/** Free JSON; it is written only while it can be read. */
export function JsonField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  const [problem, setProblem] = useState(false);
  const stored = node.config[field.name] ?? field.default;
  const change = (text: string): void => {
    if (text.trim() === "") {
      setProblem(false);
      operations.setConfig(node.id, field.name, undefined);
      return;
    }
    try {
      const value = JSON.parse(text) as Json;
      setProblem(false);
      operations.setConfig(node.id, field.name, value);
    } catch {
      setProblem(true);
    }
  };
  return (
    <>
      <CodeEditor
        language="json"
        label={label}
        readOnly={disabled}
        value={stored === undefined || stored === null ? "" : JSON.stringify(stored, null, 2)}
        onChange={change}
        onDone={() => undo.cut()}
      />
      {problem && (
        <Message severity="error">
          <span>{t("field.bad_json")}</span>
        </Message>
      )}
    </>
  );
}
