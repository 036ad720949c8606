/** One line of expression behind an `=`, with completion, the functions to look up, and what it gives. */
import { useState } from "react";
import { ExpressionReference } from "@/components/expression-reference";
import { useText } from "@/i18n";
import { useEditor, useIssues } from "../../stores/context";
import { editorText } from "../../text";
import { toExpression } from "./expression-value";
import classes from "./inspector.module.css";
import { CodeEditor } from "./lazy-code-editor";
import { LiveValue } from "./live-value";
import { useScope } from "./use-scope";

type Props = {
  nodeId: string;
  field: string;
  value: string;
  perItem: boolean;
  /** The field is evaluated inside the container's body. */
  inBody: boolean;
  readOnly: boolean;
  label: string;
  onChange: (text: string) => void;
  onDone: () => void;
};

export function ExpressionInput({
  nodeId,
  field,
  value,
  perItem,
  inBody,
  readOnly,
  label,
  onChange,
  onDone,
}: Props) {
  const scope = useScope(nodeId, perItem, inBody);
  const isFaulty = useIssues((index) =>
    (index.byNode.get(nodeId) ?? []).some((issue) => issue.field === field && issue.severity === "error"),
  );
  return (
    <>
      <div className={classes.expression}>
        <span className={classes.equals} aria-hidden="true">
          =
        </span>
        <CodeEditor
          language="expression"
          label={label}
          readOnly={readOnly}
          value={value}
          completions={scope}
          onChange={onChange}
          onDone={onDone}
          bare
        />
        <FunctionsButton />
      </div>
      {!inBody && !readOnly && value.trim() !== "" && (
        <LiveValue nodeId={nodeId} text={toExpression(value)} perItem={perItem} isFaulty={isFaulty} />
      )}
    </>
  );
}

function FunctionsButton() {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const [opened, setOpened] = useState(false);
  return (
    <>
      <button
        type="button"
        className={classes.functions}
        aria-label={t("field.functions")}
        title={t("field.functions")}
        data-testid="expression-functions"
        onClick={() => setOpened(true)}
      >
        ƒ
      </button>
      <ExpressionReference workspaceId={workspaceId} opened={opened} onClose={() => setOpened(false)} />
    </>
  );
}
