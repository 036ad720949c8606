/** Says that a newer version of the node's type is installed and what it changes, and brings the node up to it. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import type { FieldSpec, FlowNode, JsonObject, NodeSpec } from "@/flow-core";
import { useText } from "@/i18n";
import { api, inWorkspace, read } from "@/lib/api";
import { useLocalText } from "../../hooks/use-local-text";
import { olderVersion } from "../../hooks/use-node-spec";
import { useCanEdit, useCatalogue, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./version-offer.module.css";

/** `spec` is the node's own version. */
export function VersionOffer({ node, spec }: { node: FlowNode; spec: NodeSpec | undefined }) {
  const t = useText(editorText);
  const canEdit = useCanEdit();
  const newest = useCatalogue().get(node.type);
  const changes = useChanges(spec, newest);
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
  const older = olderVersion(node, newest);
  if (older === null || newest === undefined) return null;
  return (
    <div className={classes.offer} role="note" data-testid="version-offer">
      <Icon name="history" size={13} />
      <span>
        {t("version.offer", { version: older, newest: newest.version })} {changes.join(" ")}
      </span>
      {canEdit && (
        <Button
          size="xs"
          loading={upgrade.isPending}
          onClick={() => upgrade.mutate({ from: older, to: newest })}
        >
          {t("version.upgrade")}
        </Button>
      )}
    </div>
  );
}

/** What the newer version does to the settings and ports, in words. */
function useChanges(own: NodeSpec | undefined, newest: NodeSpec | undefined): string[] {
  const t = useText(editorText);
  const local = useLocalText();
  if (!own || !newest || own.version === newest.version) return [];
  const said = (key: "version.new" | "version.gone" | "version.changed", names: string[]) =>
    names.length > 0 ? [t(key, { names: names.join(", ") })] : [];
  const before = new Map(own.config.map((field) => [field.name, field]));
  const after = new Map(newest.config.map((field) => [field.name, field]));
  const names = (fields: FieldSpec[]) => fields.map((field) => local(field.label));
  const ports = (spec: NodeSpec) => new Map(spec.outputs.map((port) => [port.name, local(port.label)]));
  const [gives, gave] = [ports(newest), ports(own)];
  return [
    ...said("version.new", [
      ...names(newest.config.filter((field) => !before.has(field.name))),
      ...[...gives].filter(([name]) => !gave.has(name)).map(([, label]) => label),
    ]),
    ...said("version.gone", [
      ...names(own.config.filter((field) => !after.has(field.name))),
      ...[...gave].filter(([name]) => !gives.has(name)).map(([, label]) => label),
    ]),
    ...said(
      "version.changed",
      names(
        newest.config.filter((field) => {
          const old = before.get(field.name);
          return old !== undefined && JSON.stringify(old) !== JSON.stringify(field);
        }),
      ),
    ),
  ];
}
