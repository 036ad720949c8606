/** A connection that will not come back by itself: why, and what to do. */
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useConnectionState, useEditor } from "../../stores/context";
import classes from "./notices.module.css";

export function ConnectionNotice() {
  const { provider, workspaceId } = useEditor();
  const connection = useConnectionState();
  const t = useText(collabText);
  if (connection.state !== "closed") return null;
  const { reason } = connection;
  const isGone = reason === "forbidden" || reason === "not_found";
  return (
    <div className={classes.notice} data-tone="bad" role="alert" data-testid="connection-notice">
      <Icon name="warning" />
      <div className={classes.words}>
        <b>{t(`closed.${reason}`)}</b>
        <span>{t(`closed.${reason}.hint`)}</span>
      </div>
      <div className={classes.actions}>
        {reason === "signed_out" && (
          <a href="/sign-in" target="_blank" rel="noreferrer">
            {t("sign_in")}
          </a>
        )}
        {isGone ? (
          <Link to="/w/$ws/flows" params={{ ws: workspaceId }}>
            {t("to_flows")}
          </Link>
        ) : (
          <button type="button" onClick={() => provider.reconnectNow()}>
            {t("try_again")}
          </button>
        )}
      </div>
    </div>
  );
}
