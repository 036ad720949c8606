/** Why a node's type is not at hand: its plug-in is switched off or not allowed here, or nobody has it. */
import { useQuery } from "@tanstack/react-query";
import { useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { pluginsQuery } from "@/lib/plugins";
import { useRights } from "@/lib/workspaces";
import { useEditor, useIssues } from "../stores/context";
import { editorText } from "../text";
import { useLocalText } from "./use-local-text";

export type Absence = { says: string; pluginId: string | null };

/** Asks for the plug-ins only while some node's type is missing; null until they have answered. */
export function useAbsentType(): (type: string) => Absence | null {
  const t = useText(editorText);
  const local = useLocalText();
  const { workspaceId } = useEditor();
  const { canManage } = useRights(workspaceId);
  const isMissing = useIssues((index) => index.all.some((issue) => issue.kind === "node.unknown"));
  const plugins = useQuery({ ...pluginsQuery(workspaceId), enabled: isMissing });
  return (type) => {
    if (plugins.isError && !plugins.data) return { says: t("node.absent"), pluginId: null };
    if (!plugins.data) return null;
    const owner = bringerOf(type, plugins.data.items);
    if (!owner)
      return { says: t(canManage ? "node.unknown.mine" : "node.unknown", { type }), pluginId: null };
    const name = local(owner.current.manifest.name);
    if (owner.refused)
      return { says: `${t("node.refused", { name })} ${local(owner.refused)}`, pluginId: owner.plugin_id };
    // On, and yet not at hand: the list of types is on its way.
    if (owner.is_enabled) return null;
    return { says: t(canManage ? "node.off.mine" : "node.off", { name }), pluginId: owner.plugin_id };
  };
}

/** The plug-in that brings a type, in whichever of its versions. */
export function bringerOf(type: string, plugins: readonly Plugin[]): Plugin | undefined {
  return plugins.find((plugin) =>
    plugin.versions.some(({ manifest }) => manifest.nodes.some(({ spec }) => spec.id === type)),
  );
}
