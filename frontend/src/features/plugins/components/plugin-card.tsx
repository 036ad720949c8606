import { Button, Switch } from "@mantine/core";
import { Link, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { Chip } from "@/components/chip";
import { Icon } from "@/components/icon";
import { NodeTile } from "@/components/node-tile";
import { tell, tellProblem } from "@/components/toast";
import { formatTime, useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { usePluginSwitch } from "../api";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";
import { PermissionList } from "./permission-list";
import { Uses } from "./uses";
import { Versions } from "./versions";

type Props = {
  workspaceId: string;
  plugin: Plugin;
  canManage: boolean;
  onUpdate: () => void;
  onRemove: () => void;
};

export function PluginCard({ workspaceId, plugin, canManage, onUpdate, onRemove }: Props) {
  const t = useText(pluginsText);
  const local = useLocal();
  const { manifest, installed_at } = plugin.current;
  const name = local(manifest.name);
  // A link that means one plug-in leads to its card, which is there only once the list has arrived.
  const isMeant = useLocation({ select: ({ hash }) => hash === plugin.plugin_id });
  const card = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isMeant) card.current?.scrollIntoView({ block: "center" });
  }, [isMeant]);
  return (
    <article ref={card} className={classes.card} aria-label={name} data-meant={isMeant || undefined}>
      <header>
        <span className={classes.tile}>
          <Icon name="plug" size={18} />
        </span>
        <div className={classes.title}>
          <h2>{name}</h2>
          <span className="muted">
            {t("version", { version: manifest.version })}
            {manifest.author && ` · ${t("by", { author: manifest.author })}`}
            {installed_at &&
              ` · ${t("installed.by", { name: plugin.installed_by, time: formatTime(installed_at) })}`}
          </span>
        </div>
        {plugin.refused && (
          <Chip tone="bad" title={local(plugin.refused)}>
            {t("not.allowed")}
          </Chip>
        )}
        <EnabledSwitch workspaceId={workspaceId} plugin={plugin} name={name} canManage={canManage} />
        {canManage && (
          <Button.Group>
            <Button size="xs" variant="default" onClick={onUpdate}>
              {t("update")}
            </Button>
            <Button size="xs" variant="default" c="var(--danger-text)" onClick={onRemove}>
              {t("remove")}
            </Button>
          </Button.Group>
        )}
      </header>
      {plugin.refused && (
        <p className={classes.refused} role="note">
          <Icon name="warning" size={14} /> {local(plugin.refused)} {t("not.allowed.lead")}
        </p>
      )}
      {local(manifest.description) && <p className={classes.lead}>{local(manifest.description)}</p>}
      <div className={classes.parts}>
        <section>
          <h3>{t("nodes")}</h3>
          <ul className={classes.nodes}>
            {manifest.nodes.map(({ spec }) => (
              <li key={spec.id}>
                <NodeTile icon={spec.icon} category={spec.category} />
                <Link to="/w/$ws/library/$type" params={{ ws: workspaceId, type: spec.id }}>
                  {local(spec.name)}
                </Link>
              </li>
            ))}
          </ul>
        </section>
        <section>
          <h3>{t("permissions")}</h3>
          <PermissionList workspaceId={workspaceId} manifest={manifest} />
        </section>
        <section>
          <h3>{t("versions")}</h3>
          <Versions workspaceId={workspaceId} plugin={plugin} canManage={canManage} />
          <h3>{t("used")}</h3>
          <Uses workspaceId={workspaceId} plugin={plugin} />
        </section>
      </div>
    </article>
  );
}

type SwitchProps = { workspaceId: string; plugin: Plugin; name: string; canManage: boolean };

function EnabledSwitch({ workspaceId, plugin, name, canManage }: SwitchProps) {
  const t = useText(pluginsText);
  const change = usePluginSwitch(workspaceId);
  const isEnabled = change.isPending ? change.variables.isEnabled : plugin.is_enabled;
  if (!canManage) {
    return <Chip tone={isEnabled ? "ok" : "neutral"}>{t(isEnabled ? "enabled" : "disabled")}</Chip>;
  }
  const flip = (wanted: boolean) =>
    change.mutate(
      { pluginId: plugin.plugin_id, isEnabled: wanted },
      { onSuccess: () => tell(t(wanted ? "switched.on" : "switched.off", { name })), onError: tellProblem },
    );
  return (
    <Switch
      checked={isEnabled}
      disabled={change.isPending}
      label={t(isEnabled ? "enabled" : "disabled")}
      aria-label={t("switch.of", { name })}
      onChange={(event) => flip(event.currentTarget.checked)}
    />
  );
}
