/** A node whose type is not here: why, and what to do. It is kept as it is. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useText } from "@/i18n";
import { pluginsQuery } from "@/lib/plugins";
import { useLocalText } from "../../hooks/use-local-text";
import { useEditor } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

export function UnknownNode({ type }: { type: string }) {
  const t = useText(editorText);
  const local = useLocalText();
  const { workspaceId } = useEditor();
  const plugins = useQuery(pluginsQuery(workspaceId)).data?.items ?? [];
  const owner = plugins.find((plugin) => plugin.current.manifest.nodes.some(({ spec }) => spec.id === type));
  const name = owner ? local(owner.current.manifest.name) : "";
  const why = !owner
    ? t("node.unknown.absent")
    : owner.refused
      ? `${t("node.unknown.refused", { name })} ${local(owner.refused)}`
      : t("node.unknown.disabled", { name });
  return (
    <div className={classes.unknown} role="note" data-testid="unknown-node">
      <p>
        {t("node.unknown_help", { type })} {why}
      </p>
      <Link to="/w/$ws/plugins" params={{ ws: workspaceId }}>
        {t("node.unknown.open")}
      </Link>
    </div>
  );
}
