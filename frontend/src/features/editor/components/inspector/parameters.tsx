/** The form of a node, made from its own schema. */
import type { ReactNode } from "react";
import type { FieldSpec, FlowNode, NodeSpec } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useCanEdit, useConnectionState, useFlow, useUi } from "../../stores/context";
import { fieldIsShown } from "../../stores/issues";
import { editorText } from "../../text";
import { FieldRow } from "./field-row";
import { Fold } from "./fold";
import classes from "./inspector.module.css";
import { NodeIssues } from "./node-issues";
import { NodeSettings } from "./node-settings";
import { UnknownNode } from "./unknown-node";
import { VersionOffer } from "./version-offer";

type Props = { node: FlowNode; spec: NodeSpec | undefined };

export function Parameters({ node, spec }: Props) {
  const t = useText(editorText);
  const canEdit = useCanEdit();
  const wired = useWiredFields(node.id);
  const fields = spec?.config ?? [];
  const shown = fields.filter((field) => fieldIsShown(field, node, fields));
  const focus = useUi((state) => (state.focusField?.node === node.id ? state.focusField.field : null));
  const rare = shown.filter((field) => field.expert);
  const row = (field: FieldSpec): ReactNode => (
    <FieldRow
      key={`${node.id}.${field.name}`}
      node={node}
      field={field}
      wiredFrom={wired.get(field.name) ?? null}
    />
  );
  return (
    <div className={classes.form}>
      {!canEdit && <ReadOnly />}
      <NodeIssues nodeId={node.id} />
      <VersionOffer node={node} spec={spec} />
      {!spec && <UnknownNode type={node.type} />}
      {shown.filter((field) => !field.expert).map(row)}
      {spec && shown.length === 0 && <p className={classes.quiet}>{t("parameters.none")}</p>}
      {rare.length > 0 && (
        <Fold
          title={t("parameters.more")}
          summary={String(rare.length)}
          open={rare.some((f) => f.name === focus)}
        >
          {rare.map(row)}
        </Fold>
      )}
      <NodeSettings node={node} />
    </div>
  );
}

/** Why nothing can be written: by one's role, or because there is nobody to write to. */
function ReadOnly() {
  const connection = useConnectionState();
  const t = useText(editorText);
  const together = useText(collabText);
  const why = connection.state === "closed" ? together(`closed.${connection.reason}`) : t("viewer.reads");
  return <p className={classes.readOnly}>{why}</p>;
}

/** Fields that an edge fills: name → `source.port`. */
function useWiredFields(nodeId: string): ReadonlyMap<string, string> {
  const edges = useFlow((flow) => flow.document.edges);
  return new Map(
    edges
      .filter((edge) => edge.target === nodeId)
      .map((edge) => [edge.target_port, `${edge.source}.${edge.source_port}`]),
  );
}
