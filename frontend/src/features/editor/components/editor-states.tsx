/** What shows before a flow is open, when it cannot be, and when it is empty. */
import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { collabText } from "../collab-text";
import { useCanEdit, useConnectionState, useEditor, useFlow } from "../stores/context";
import { editorText } from "../text";
import classes from "./editor-states.module.css";
import { Recover } from "./notices/connection-notice";
import { KeptChanges } from "./notices/kept-changes";

/** `waits` says why it takes long, when there is a session that knows. */
export function EditorSkeleton({ waits }: { waits?: ReactNode }) {
  const t = useText(editorText);
  return (
    <div className={classes.skeleton} role="status" aria-label={t("opening")}>
      <div className={classes.top}>
        <Skeleton width={220} height={16} />
        <Skeleton width={96} height={28} ml="auto" />
      </div>
      <div className={classes.side}>
        {[70, 52, 64, 58, 74, 48, 60].map((width) => (
          <Skeleton key={width} width={`${width}%`} height={14} />
        ))}
      </div>
      <div className={classes.canvas}>
        <Skeleton width={164} height={72} radius={8} />
        <Skeleton width={164} height={72} radius={8} />
        <Skeleton width={164} height={72} radius={8} />
      </div>
      {waits}
    </div>
  );
}

/** The server has not answered a first time: said in words, and tried again on request. */
export function Unreached() {
  const connection = useConnectionState();
  const { provider } = useEditor();
  const t = useText(collabText);
  if (connection.state !== "offline") return null;
  return (
    <div className={classes.unreached} role="alert" data-testid="unreached">
      <Icon name="link-off" size={20} />
      <b>{t("unreached")}</b>
      <span>{t("unreached.hint")}</span>
      <button type="button" className={classes.button} onClick={() => provider.reconnectNow()}>
        <Icon name="retry" /> {t("save.retry")}
      </button>
    </div>
  );
}

export function FlowClosed() {
  const connection = useConnectionState();
  const { provider, workspaceId } = useEditor();
  const t = useText(collabText);
  const reason = connection.state === "closed" ? connection.reason : "refused";
  const canWait = reason === "signed_out" || reason === "quarantined";
  const isGone = reason === "not_found" || reason === "forbidden";
  return (
    <div className={classes.closed} role="alert" data-testid="flow-closed">
      <Icon name="warning" size={20} />
      <h2>{t(`closed.${reason}`)}</h2>
      <p>{t(`closed.${reason}.hint`)}</p>
      {isGone && (
        <Link className={classes.button} to="/w/$ws/flows" params={{ ws: workspaceId }}>
          {t("to_flows")}
        </Link>
      )}
      <button
        type="button"
        className={classes.button}
        onClick={() => (canWait ? provider.reconnectNow() : window.location.reload())}
      >
        <Icon name="retry" /> {canWait ? t("try_again") : t("reload")}
      </button>
      {reason === "quarantined" && <Recover className={classes.button} />}
      <KeptChanges />
    </div>
  );
}

export function EmptyCanvas() {
  const empty = useFlow((flow) => flow.document.nodes.length === 0 && flow.document.notes.length === 0);
  const canEdit = useCanEdit();
  const { ui } = useEditor();
  const t = useText(editorText);
  if (!empty) return null;
  if (!canEdit) return <div className={classes.empty}>{t("empty.viewer")}</div>;
  return (
    <div className={classes.empty}>
      <p>{t("empty.editor")}</p>
      <button
        type="button"
        className={classes.button}
        onClick={() =>
          ui.setState({
            picker: { at: [0, 0], screen: [window.innerWidth / 2 - 130, window.innerHeight / 2 - 140] },
          })
        }
      >
        <Icon name="plus" /> {t("empty.add")}
      </button>
    </div>
  );
}
