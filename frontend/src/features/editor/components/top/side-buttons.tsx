/** Opens what stands in the inspector's place. */
import { Tooltip } from "@mantine/core";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { useComments } from "../../hooks/use-comments";
import { useEditor, useUi } from "../../stores/context";
import { activityText } from "../activity/text";
import { commentsText } from "../comments/text";
import classes from "./top-bar.module.css";

export function ActivityButton() {
  const { ui } = useEditor();
  const t = useText(activityText);
  const isOn = useUi((state) => state.side === "activity");
  return (
    <Tooltip label={t("title")}>
      <button
        type="button"
        className={classes.ghost}
        aria-label={t("title")}
        aria-pressed={isOn}
        data-testid="activity-button"
        onClick={() => ui.setState({ side: isOn ? null : "activity" })}
      >
        <Icon name="clock" size={15} />
      </button>
    </Tooltip>
  );
}

export function CommentsButton() {
  const { ui } = useEditor();
  const t = useText(commentsText);
  const isOn = useUi((state) => state.side === "comments");
  const open = useComments().filter((thread) => thread.resolved_at === null).length;
  const label = open > 0 ? t("open", { count: open }) : t("open.none");
  return (
    <Tooltip label={label}>
      <button
        type="button"
        className={classes.ghost}
        aria-label={label}
        aria-pressed={isOn}
        data-testid="comments-button"
        onClick={() => ui.setState({ side: isOn ? null : "comments" })}
      >
        <Icon name="comment" size={15} />
        {open > 0 && <span className={`num ${classes.badge}`}>{open}</span>}
      </button>
    </Tooltip>
  );
}
