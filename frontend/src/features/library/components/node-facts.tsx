import { Link } from "@tanstack/react-router";
import { useText } from "@/i18n";
import type { NodeSpec } from "@/lib/api";
import classes from "../library.module.css";
import { libraryText } from "../text";

export function NodeFacts({ workspaceId, spec }: { workspaceId: string; spec: NodeSpec }) {
  const t = useText(libraryText);
  const kinds = [...new Set(spec.config.flatMap((field) => field.credential_kinds ?? []))];
  return (
    <div className={classes.facts}>
      <h2>{t("facts")}</h2>
      <dl>
        <dt>{t("fact.type")}</dt>
        <dd className="mono">{spec.id}</dd>
        <dt>{t("fact.version")}</dt>
        <dd className="num">{spec.version}</dd>
        {spec.versions.length > 1 && (
          <>
            <dt>{t("fact.versions")}</dt>
            <dd className="num">{spec.versions.join(", ")}</dd>
          </>
        )}
        <dt>{t("fact.source")}</dt>
        <dd>
          {spec.plugin ? (
            <Link to="/w/$ws/plugins" params={{ ws: workspaceId }}>
              {t("plugin.from", { id: spec.plugin })}
            </Link>
          ) : (
            t("builtin")
          )}
        </dd>
        <dt>{t("fact.effect")}</dt>
        <dd>{t(`effect.${spec.effect}`)}</dd>
        {kinds.length > 0 && (
          <>
            <dt>{t("fact.credentials")}</dt>
            <dd>{kinds.join(", ")}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
