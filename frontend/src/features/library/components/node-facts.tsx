import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
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
        <Fact name={t("fact.type")}>
          <span className="mono">{spec.id}</span>
        </Fact>
        <Fact name={t("fact.version")}>{spec.version}</Fact>
        {spec.versions.length > 1 && <Fact name={t("fact.versions")}>{spec.versions.join(", ")}</Fact>}
        <Fact name={t("fact.source")}>
          {spec.plugin ? (
            <Link to="/w/$ws/plugins" params={{ ws: workspaceId }}>
              {t("plugin.from", { id: spec.plugin })}
            </Link>
          ) : (
            t("builtin")
          )}
        </Fact>
        <Fact name={t("fact.effect")}>{t(`effect.${spec.effect}`)}</Fact>
        {kinds.length > 0 && <Fact name={t("fact.credentials")}>{kinds.join(", ")}</Fact>}
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
