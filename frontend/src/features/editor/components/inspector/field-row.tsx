/** One field: label, type, who edits it, control, message and help. */
import { Tooltip } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Icon } from "@/components/icon";
import { colorOf, type FieldSpec, type FlowNode, type Json, portLook } from "@/flow-core";
import { useText } from "@/i18n";
import { useIssueText } from "../../hooks/use-issue-text";
import { useLocalText } from "../../hooks/use-local-text";
import { useNodeName } from "../../hooks/use-node-name";
import { useCanEdit, useEditor, useIssues, usePresence, useUi } from "../../stores/context";
import { fieldIssue } from "../../stores/issues";
import { editorText } from "../../text";
import { FieldControl } from "./controls/field-control";
import { ExpressionInput } from "./expression-input";
import { expressionOf, isWholeExpression, toExpression, valueOfExpression } from "./expression-value";
import classes from "./inspector.module.css";
import { Message } from "./message";

type Props = { node: FlowNode; field: FieldSpec; wiredFrom: string | null };

export function FieldRow({ node, field, wiredFrom }: Props) {
  const { presence } = useEditor();
  const local = useLocalText();
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const peer = usePresence((state) => state.editing.get(`${node.id}.${field.name}`));
  const row = useRef<HTMLDivElement>(null);
  useFocusRequest(row, node.id, field.name);
  const value = node.config[field.name];
  const expression = !field.shared_text && isWholeExpression(value);
  const label = local(field.label) || field.name;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: focus inside tells others which field is being edited.
    <div
      ref={row}
      className={classes.field}
      data-testid={`field-${field.name}`}
      data-peer={peer ? true : undefined}
      style={peer ? ({ "--u": colorOf(peer.user) } as React.CSSProperties) : undefined}
      onFocus={() => canEdit && presence.set({ editing: { node: node.id, field: field.name } })}
      onBlur={() => presence.set({ editing: null })}
    >
      <div className={classes.label}>
        <span id={`label-${node.id}-${field.name}`}>
          {label}
          {field.required && <span className={classes.star}> *</span>}
        </span>
        {field.help && (
          <Tooltip label={local(field.help)} multiline maw={260} position="top-start">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the help must be reachable by keyboard. */}
            <span className={classes.help} role="img" tabIndex={0} aria-label={local(field.help)}>
              <Icon name="help" size={12} />
            </span>
          </Tooltip>
        )}
        <span className={classes.labelEnd}>
          {peer ? (
            <span className={classes.peer}>{t("field.editing", { name: peer.user.name })}</span>
          ) : (
            field.wireable && <TypeChip type={field.type} />
          )}
          {canEdit && !wiredFrom && <ExpressionToggle node={node} field={field} on={expression} />}
        </span>
      </div>
      {wiredFrom ? (
        <WiredValue from={wiredFrom} />
      ) : expression ? (
        <ExpressionField node={node} field={field} value={value} label={label} />
      ) : (
        <FieldControl node={node} field={field} label={label} disabled={!canEdit} />
      )}
      <FieldMessage node={node} field={field} wired={wiredFrom !== null} />
    </div>
  );
}

function ExpressionField({
  node,
  field,
  value,
  label,
}: {
  node: FlowNode;
  field: FieldSpec;
  value: Json | undefined;
  label: string;
}) {
  const { operations, undo } = useEditor();
  const canEdit = useCanEdit();
  return (
    <ExpressionInput
      key={`${node.id}.${field.name}`}
      nodeId={node.id}
      field={field.name}
      value={expressionOf(value)}
      perItem={field.expression === "item"}
      inBody={field.expression === "body"}
      readOnly={!canEdit}
      label={label}
      onChange={(text) => operations.setConfig(node.id, field.name, toExpression(text))}
      onDone={() => undo.cut()}
    />
  );
}

/** Turns a value into an expression and back. */
function ExpressionToggle({ node, field, on }: { node: FlowNode; field: FieldSpec; on: boolean }) {
  const { operations, undo } = useEditor();
  const t = useText(editorText);
  if (field.expression === "never" || field.shared_text) return null;
  const toggle = (): void => {
    const value = node.config[field.name];
    undo.cut();
    if (on) operations.setConfig(node.id, field.name, valueOfExpression(value, field));
    else operations.setConfig(node.id, field.name, toExpression(literal(value ?? field.default)));
    undo.cut();
  };
  return (
    <button
      type="button"
      className={classes.toggle}
      aria-pressed={on}
      aria-label={on ? t("field.as_value") : t("field.as_expression")}
      title={on ? t("field.as_value") : t("field.as_expression")}
      onClick={toggle}
    >
      =
    </button>
  );
}

function literal(value: Json | undefined): string {
  return value === undefined || value === null || value === "" ? "" : JSON.stringify(value);
}

function TypeChip({ type }: { type: string }) {
  return (
    <span className={classes.type}>
      <s style={{ background: portLook(type).color }} />
      {type}
    </span>
  );
}

/** A connection fills the field; it says which. */
function WiredValue({ from }: { from: string }) {
  const t = useText(editorText);
  const [nodeId = "", port = ""] = from.split(".");
  const name = useNodeName(nodeId) || nodeId;
  return (
    <div className={classes.wired}>
      <Icon name="link" size={13} />
      <span className="cut">{t("field.wired", { from: `${name}.${port}` })}</span>
    </div>
  );
}

function FieldMessage({ node, field, wired }: { node: FlowNode; field: FieldSpec; wired: boolean }) {
  const words = useIssueText();
  const t = useText(editorText);
  const listed = useIssues((index) => index.byNode.get(node.id))?.find((issue) => issue.field === field.name);
  if (wired) return null;
  const own = fieldIssue(field, node.config[field.name]);
  const message = own
    ? t(own.kind, own.values)
    : listed && listed.kind !== "port.required"
      ? words(listed).message
      : "";
  if (!message) return null;
  return (
    <Message severity={listed?.severity ?? "error"}>
      <span>{message}</span>
    </Message>
  );
}

/** A problem or a diagnosis may point here: scroll to the field and focus it. */
function useFocusRequest(row: React.RefObject<HTMLDivElement | null>, node: string, field: string): void {
  const { ui } = useEditor();
  const wanted = useUi((state) => state.focusField?.node === node && state.focusField.field === field);
  useEffect(() => {
    if (!wanted) return;
    row.current?.scrollIntoView({ block: "center" });
    row.current
      ?.querySelector<HTMLElement>("input, textarea, [contenteditable=true], [role=textbox]")
      ?.focus();
    ui.setState({ focusField: null });
  }, [wanted, row, ui]);
}
