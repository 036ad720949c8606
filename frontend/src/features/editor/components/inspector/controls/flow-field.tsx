import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { flowNamesQuery } from "../../../api/queries";
import { useEditor } from "../../../stores/context";
import { editorText } from "../../../text";
import type { ControlProps } from "./field-control";

/** Another flow of the workspace, by name; a flow cannot call itself. */
export function FlowField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo, workspaceId, flowId } = useEditor();
  const t = useText(editorText);
  const query = useQuery(flowNamesQuery(workspaceId));
  const value = node.config[field.name];
  const current = typeof value === "string" && value !== "" ? value : null;
  const flows = (query.data ?? [])
    .filter((flow) => flow.id !== flowId)
    .map((flow) => ({ value: flow.id, label: flow.name }));
  const isKnown = current === null || flows.some((flow) => flow.value === current);
  return (
    <Select
      aria-label={label}
      disabled={disabled}
      leftSection={<Icon name="flow" size={13} />}
      data={isKnown ? flows : [...flows, { value: current, label: current }]}
      value={current}
      searchable
      clearable
      placeholder={t("flow.choose")}
      onChange={(next) => {
        undo.cut();
        operations.setConfig(node.id, field.name, next ?? undefined);
        undo.cut();
      }}
    />
  );
}
