import { Link } from "@tanstack/react-router";
import { Chip } from "@/components/chip";
import { NodeTile } from "@/components/node-tile";
import { useText } from "@/i18n";
import type { NodeSpec } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import classes from "../library.module.css";
import { libraryText } from "../text";

export function NodeCard({ workspaceId, spec }: { workspaceId: string; spec: NodeSpec }) {
  const t = useText(libraryText);
  const local = useLocal();
  return (
    <Link to="/w/$ws/library/$type" params={{ ws: workspaceId, type: spec.id }} className={classes.card}>
      <NodeTile icon={spec.icon} category={spec.category} size={32} />
      <span className={classes.words}>
        <span className={classes.name}>
          <b className="cut">{local(spec.name)}</b>
          {spec.plugin && <Chip title={t("plugin.from", { id: spec.plugin })}>{t("plugin")}</Chip>}
        </span>
        <span className={classes.about}>{local(spec.description)}</span>
      </span>
    </Link>
  );
}
