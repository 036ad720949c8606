/** Says that a newer version of the node's type is installed, and brings the node up to it. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import type { FlowNode, JsonObject, NodeSpec } from "@/flow-core";
import { useText } from "@/i18n";
import { api, inWorkspace, read } from "@/lib/api";
import { useCanEdit, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

export function VersionOffer({ node, spec }: { node: FlowNode; spec: NodeSpec | undefined }) {
  const t = useText(editorText);
  const canEdit = useCanEdit();
  const { workspaceId, operations, undo } = useEditor();
  const upgrade = useMutation({
    mutationFn: async ({ from, to }: { from: string; to: NodeSpec }) => {
      const params = { path: inWorkspace(workspaceId) };
      const body = { type: to.id, version: to.version, from_version: from, config: { ...node.config } };
      const path = "/api/v1/workspaces/{workspace_id}/node-types/upgrade";
      return (await read(api.POST(path, { params, body }))).config as JsonObject;
    },
    onSuccess: (config, { to }) => {
      operations.setVersion(node.id, to.version, config);
      undo.cut();
    },
    onError: tellProblem,
  });
  const { version } = node;
  if (!spec?.plugin || version === undefined || version === spec.version) return null;
  if (!spec.versions?.includes(version)) return null;
  return (
    <div className={classes.issue} data-severity="info" role="note">
      <Icon name="history" size={13} />
      <span>{t("version.offer", { version, newest: spec.version })}</span>
      {canEdit && (
        <Button
          size="xs"
          variant="default"
          loading={upgrade.isPending}
          onClick={() => upgrade.mutate({ from: version, to: spec })}
        >
          {t("version.upgrade")}
        </Button>
      )}
    </div>
  );
}
