/** Whom one follows, and that one is followed. */
import { useStore } from "zustand";
import { Icon } from "@/components/icon";
import { colorOf } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useEditor } from "../../stores/context";
import classes from "./notices.module.css";

export function FollowNotice() {
  const { follow } = useEditor();
  const leader = useStore(follow.store, (state) => state.leader);
  const followers = useStore(follow.store, (state) => state.followers);
  const t = useText(collabText);
  if (leader) {
    return (
      <div
        className={`${classes.notice} ${classes.following}`}
        style={{ "--u": colorOf(leader.user) } as React.CSSProperties}
        role="status"
        data-testid="following"
      >
        <i />
        <span>{t("follow.on", { name: leader.user.name })}</span>
        <div className={classes.actions}>
          <button type="button" onClick={() => follow.stop()}>
            {t("follow.stop")}
          </button>
        </div>
      </div>
    );
  }
  if (followers === 0) return null;
  return (
    <div className={classes.notice} role="status" data-testid="followed">
      <Icon name="eye" />
      <span>{t("follow.by", { count: followers })}</span>
    </div>
  );
}
