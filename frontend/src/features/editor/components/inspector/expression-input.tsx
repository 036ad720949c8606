/** One line of expression behind an `=`, with completion of what it may read. */

import classes from "./inspector.module.css";
import { CodeEditor } from "./lazy-code-editor";
import { useScope } from "./use-scope";

type Props = {
  nodeId: string;
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
  value,
  perItem,
  inBody,
  readOnly,
  label,
  onChange,
  onDone,
}: Props) {
  const scope = useScope(nodeId, perItem, inBody);
  return (
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
    </div>
  );
}
