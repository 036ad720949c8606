import { useQuery } from "@tanstack/react-query";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { usePluginRemove, usesQuery } from "../api";
import { pluginsText } from "../text";
import { typesOf } from "./uses";

type Props = { workspaceId: string; plugin: Plugin; onClose: () => void };

export function RemoveDialog({ workspaceId, plugin, onClose }: Props) {
  const t = useText(pluginsText);
  const local = useLocal();
  const remove = usePluginRemove(workspaceId);
  const uses = useQuery(usesQuery(workspaceId, typesOf(plugin)));
  const name = local(plugin.current.manifest.name);
  const done = () => {
    tell(t("removed", { name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("remove.title", { name })}
      action={t("remove.action")}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(plugin.plugin_id, { onSuccess: done })}
    >
      {uses.data && uses.data.length > 0 && (
        <p>
          <b>{t("remove.used", { count: uses.data.length })}</b>
        </p>
      )}
      <p>{t("remove.lead")}</p>
    </FormDialog>
  );
}
