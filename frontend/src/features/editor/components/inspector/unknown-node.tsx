/** A node whose type is not at hand: why, once, and the way to where it is put right. It is kept as it is. */
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { useAbsentType } from "../../hooks/use-absent-type";
import { useEditor } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./unknown-node.module.css";

export function UnknownNode({ type }: { type: string }) {
  const t = useText(editorText);
  const { workspaceId } = useEditor();
  const absence = useAbsentType()(type);
  if (!absence) return null;
  return (
    <div className={classes.unknown} role="note" data-testid="unknown-node">
      <Icon name={absence.pluginId ? "plug" : "warning"} size={13} />
      <div>
        <p>{absence.says}</p>
        <p className={classes.kept}>{t("node.unknown.kept")}</p>
        <Link to="/w/$ws/plugins" params={{ ws: workspaceId }} hash={absence.pluginId ?? ""}>
          {t("node.unknown.open")}
        </Link>
      </div>
    </div>
  );
}
