/** What a thread is about, in words: a node by its name of today, a deleted node, or a place. */
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import type { CommentThread } from "@/lib/api";
import { useLocalText } from "../../hooks/use-local-text";
import { useCatalogue, useFlow } from "../../stores/context";
import classes from "./comments.module.css";
import { commentsText } from "./text";

export function ThreadPlaceName({ thread }: { thread: CommentThread }) {
  const t = useText(commentsText);
  const local = useLocalText();
  const types = useCatalogue();
  const node = useFlow((flow) => flow.nodesById.get(thread.node_id));
  const isGone = thread.node_id !== "" && !node;
  const words = node
    ? node.name || local(types.get(node.type)?.name) || node.type
    : isGone
      ? thread.node_name
        ? t("node.gone", { name: thread.node_name })
        : t("node.goneUnnamed")
      : t("place");
  return (
    <span className={classes.place} data-gone={isGone || undefined} title={words}>
      <Icon name={isGone ? "trash" : node ? "flow" : "pin"} size={12} />
      <span className="cut">{words}</span>
    </span>
  );
}
