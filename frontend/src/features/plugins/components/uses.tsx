import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useText } from "@/i18n";
import type { Plugin } from "@/lib/api";
import { usesQuery } from "../api";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";

const shown = 5;

export function typesOf(plugin: Plugin): string[] {
  return [...new Set(plugin.versions.flatMap(({ manifest }) => manifest.nodes.map(({ spec }) => spec.id)))];
}

/** The flows that use a plug-in. */
export function Uses({ workspaceId, plugin }: { workspaceId: string; plugin: Plugin }) {
  const t = useText(pluginsText);
  const { data } = useQuery(usesQuery(workspaceId, typesOf(plugin)));
  if (!data) return null;
  if (data.length === 0) return <p className="muted">{t("used.none")}</p>;
  return (
    <ul className={classes.uses}>
      {data.slice(0, shown).map((flow) => (
        <li key={flow.id}>
          <Link to="/w/$ws/flows/$flow" params={{ ws: workspaceId, flow: flow.id }}>
            {flow.name}
          </Link>
        </li>
      ))}
      {data.length > shown && <li className="muted">{t("used.more", { count: data.length - shown })}</li>}
    </ul>
  );
}
