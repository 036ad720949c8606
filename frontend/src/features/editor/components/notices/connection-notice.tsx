/** A connection that will not come back by itself: why, and what to do. */
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { useRights } from "@/lib/workspaces";
import { documentRecover } from "../../api/commands";
import { collabText } from "../../collab-text";
import { useLocalText } from "../../hooks/use-local-text";
import { useConnectionState, useEditor } from "../../stores/context";
import classes from "./notices.module.css";

export function ConnectionNotice() {
  const { provider, workspaceId } = useEditor();
  const connection = useConnectionState();
  const t = useText(collabText);
  const local = useLocalText();
  if (connection.state !== "closed") return null;
  const { reason } = connection;
  const isGone = reason === "forbidden" || reason === "not_found";
  return (
    <div className={classes.notice} data-tone="bad" role="alert" data-testid="connection-notice">
      <Icon name="warning" />
      <div className={classes.words}>
        <b>{t(`closed.${reason}`)}</b>
        <span>{local(provider.notice?.message) || t(`closed.${reason}.hint`)}</span>
      </div>
      <div className={classes.actions}>
        {reason === "quarantined" && <Recover />}
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

/** An owner brings back a document that was set aside; what kills its reader is left out. */
export function Recover({ className }: { className?: string | undefined }) {
  const { provider, workspaceId, flowId } = useEditor();
  const { role } = useRights(workspaceId);
  const t = useText(collabText);
  const recover = useMutation({
    mutationFn: () => documentRecover(workspaceId, flowId),
    onError: tellProblem,
    onSuccess: () => {
      tell(t("recovered"));
      provider.reconnectNow();
    },
  });
  if (role !== "owner") return null;
  return (
    <button type="button" className={className} disabled={recover.isPending} onClick={() => recover.mutate()}>
      <Icon name="retry" size={12} /> {t("recover")}
    </button>
  );
}
