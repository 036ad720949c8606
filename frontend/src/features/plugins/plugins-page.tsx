import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { pluginsQuery } from "@/lib/plugins";
import { useRights } from "@/lib/workspaces";
import { InstallDialog } from "./components/install-dialog";
import { PluginCard } from "./components/plugin-card";
import { RemoveDialog } from "./components/remove-dialog";
import { Walls } from "./components/walls";
import classes from "./plugins.module.css";
import { pluginsText } from "./text";

export function PluginsPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(pluginsText);
  const { canManage } = useRights(workspaceId);
  const query = useQuery(pluginsQuery(workspaceId));
  const [isInstalling, setInstalling] = useState(false);
  const [removing, setRemoving] = useState<Plugin | null>(null);
  const install = (
    <Button leftSection={<Icon name="plus" />} onClick={() => setInstalling(true)}>
      {t("install")}
    </Button>
  );
  const library = (
    <Button component={Link} to={`/w/${workspaceId}/library`} variant="default">
      {t("library")}
    </Button>
  );
  return (
    <Page
      title={t("title")}
      actions={
        <>
          {library}
          {canManage ? install : <span className="muted">{t("note")}</span>}
        </>
      }
      toolbar={<span className="muted">{t("lead")}</span>}
    >
      {query.data && <Walls isolation={query.data.isolation} />}
      <QueryView
        query={query}
        skeleton={<Skeleton height={180} radius={8} />}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <EmptyState icon="plug" title={t("empty.title")} action={canManage && install}>
            {t(canManage ? "empty.lead" : "empty.other")}
          </EmptyState>
        }
      >
        {({ items }) => (
          <div className={classes.list}>
            {items.map((plugin) => (
              <PluginCard
                key={plugin.plugin_id}
                workspaceId={workspaceId}
                plugin={plugin}
                canManage={canManage}
                onUpdate={() => setInstalling(true)}
                onRemove={() => setRemoving(plugin)}
              />
            ))}
          </div>
        )}
      </QueryView>
      {isInstalling && <InstallDialog workspaceId={workspaceId} onClose={() => setInstalling(false)} />}
      {removing && (
        <RemoveDialog workspaceId={workspaceId} plugin={removing} onClose={() => setRemoving(null)} />
      )}
    </Page>
  );
}
