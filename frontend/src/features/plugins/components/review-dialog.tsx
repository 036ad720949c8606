import { Checkbox } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { NodeTile } from "@/components/node-tile";
import { tell } from "@/components/toast";
import { formatBytes, useText } from "@/i18n";
import type { LookedAtPackage } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { usePluginInstall } from "../api";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";
import { PermissionList } from "./permission-list";

type Props = { workspaceId: string; seen: LookedAtPackage; onClose: () => void };

/** What a package holds and wants; nothing is installed without the consent. */
export function ReviewDialog({ workspaceId, seen, onClose }: Props) {
  const t = useText(pluginsText);
  const local = useLocal();
  const install = usePluginInstall(workspaceId);
  const [hasConsented, setConsented] = useState(false);
  const { manifest, conflicts, installed_version: before } = seen;
  const name = local(manifest.name);
  const done = () => {
    tell(t("installed", { name, version: manifest.version }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={before ? t("review.update", { name, version: manifest.version }) : t("review.install", { name })}
      action={t(before ? "review.update.action" : "review.action")}
      disabled={!hasConsented || conflicts.length > 0}
      busy={install.isPending}
      error={install.error}
      onClose={onClose}
      onAction={() =>
        install.mutate({ packageId: seen.id, permissions: manifest.permissions }, { onSuccess: done })
      }
      size={560}
    >
      <div className={classes.review}>
        <p>
          {t("version", { version: manifest.version })}
          {manifest.author && ` · ${t("by", { author: manifest.author })}`} · {formatBytes(seen.size_bytes)}
        </p>
        {local(manifest.description) && <p>{local(manifest.description)}</p>}
        {before && before !== manifest.version && (
          <p className="muted">{t("review.beside", { version: before })}</p>
        )}
        {before === manifest.version && (
          <p className="muted">{t("review.again", { version: manifest.version })}</p>
        )}
        <h3>{t("nodes")}</h3>
        <ul className={classes.nodes}>
          {manifest.nodes.map(({ spec }) => (
            <li key={spec.id}>
              <NodeTile icon={spec.icon} category={spec.category} />
              {local(spec.name)} <span className="mono muted">{spec.id}</span>
            </li>
          ))}
        </ul>
        <h3>{t("permissions")}</h3>
        <PermissionList workspaceId={workspaceId} manifest={manifest} before={seen.installed_permissions} />
        {manifest.requires.python.length > 0 && (
          <>
            <h3>{t("review.requires")}</h3>
            <p className="mono">{manifest.requires.python.join(", ")}</p>
          </>
        )}
        <h3>{t("review.digest")}</h3>
        <p className={classes.digest}>{seen.digest}</p>
        {conflicts.length > 0 ? (
          <div className={classes.conflicts} role="alert">
            <b>{t("review.conflicts")}</b>
            <ul>
              {conflicts.map((conflict) => (
                <li key={conflict.en}>{local(conflict)}</li>
              ))}
            </ul>
          </div>
        ) : (
          <Checkbox
            label={t("review.consent")}
            checked={hasConsented}
            onChange={(event) => setConsented(event.currentTarget.checked)}
          />
        )}
      </div>
    </FormDialog>
  );
}
