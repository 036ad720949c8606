import { ActionIcon } from "@mantine/core";
import { Icon } from "@/components/icon";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { useVersionRemove } from "../api";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";

type Props = { workspaceId: string; plugin: Plugin; canManage: boolean };

/** The versions that stand side by side; older ones can go one by one. */
export function Versions({ workspaceId, plugin, canManage }: Props) {
  const t = useText(pluginsText);
  const remove = useVersionRemove(workspaceId);
  return (
    <ul className={classes.versions}>
      {plugin.versions.map(({ id, version }) => {
        const isCurrent = id === plugin.current.id;
        return (
          <li key={id}>
            <span className="num">{version}</span>
            <span className="muted">{t(isCurrent ? "versions.current" : "versions.older")}</span>
            {canManage && plugin.versions.length > 1 && (
              <ActionIcon
                size={20}
                variant="subtle"
                color="gray"
                loading={remove.isPending && remove.variables.packageId === id}
                aria-label={t("versions.remove", { version })}
                title={t("versions.remove", { version })}
                onClick={() =>
                  remove.mutate(
                    { pluginId: plugin.plugin_id, packageId: id },
                    { onSuccess: () => tell(t("versions.removed", { version })), onError: tellProblem },
                  )
                }
              >
                <Icon name="close" size={12} />
              </ActionIcon>
            )}
          </li>
        );
      })}
    </ul>
  );
}
