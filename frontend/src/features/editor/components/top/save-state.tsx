/** Whether what is on the screen is on the server's disk; said from acknowledgements only. */
import { Tooltip } from "@mantine/core";
import { useEffect, useState, useSyncExternalStore } from "react";
import { Icon, type IconName } from "@/components/icon";
import type { Connection } from "@/flow-core";
import { type Translate, useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useConnectionState, useEditor, useRole } from "../../stores/context";
import classes from "./top-bar.module.css";

type Look = { words: string; help: string; tone: "ok" | "warn" | "bad" | "quiet"; icon: IconName };
type Words = Translate<Parameters<typeof collabText.text>[0]>;

export function SaveState() {
  const { provider } = useEditor();
  const connection = useConnectionState();
  const role = useRole();
  const keeps = useSyncExternalStore(provider.subscribe, () => provider.keepsOnDevice);
  const t = useText(collabText);
  const retryAt = connection.state === "offline" ? connection.retryAt : null;
  const seconds = useSecondsUntil(retryAt);
  const readOnly = role === "viewer" && (connection.state === "saved" || connection.state === "saving");
  const look = readOnly ? readOnlyLook(t) : lookOf(connection, keeps, t);
  return (
    <span className={classes.save} data-tone={look.tone}>
      <Tooltip label={look.help} multiline maw={280}>
        <span
          className={classes.saveWords}
          data-state={readOnly ? "read-only" : connection.state}
          role="status"
          data-testid="save-state"
        >
          <Icon name={look.icon} size={14} />
          {look.words}
        </span>
      </Tooltip>
      {connection.state === "offline" && (
        <span className={classes.saveRetry} data-testid="save-retry">
          {retryAt === null ? t("save.trying") : t("save.next_try", { seconds })}
          {retryAt !== null && seconds > 1 && (
            <button type="button" onClick={() => provider.reconnectNow()}>
              {t("save.retry")}
            </button>
          )}
        </span>
      )}
    </span>
  );
}

function readOnlyLook(t: Words): Look {
  return { words: t("save.read_only"), help: t("save.read_only_help"), tone: "quiet", icon: "eye" };
}

function lookOf(connection: Connection, keeps: boolean, t: Words): Look {
  switch (connection.state) {
    case "saved":
      return { words: t("save.saved"), help: t("save.help"), tone: "ok", icon: "check" };
    case "closed": {
      const { reason } = connection;
      return { words: t(`closed.${reason}`), help: t(`closed.${reason}.hint`), tone: "bad", icon: "warning" };
    }
    case "offline": {
      const count = connection.changes;
      const words = keeps ? t("save.offline_changes", { count }) : t("save.unkept_changes", { count });
      const help = keeps ? t("save.offline_help") : t("save.unkept_help");
      return { words: count > 0 ? words : t("save.offline"), help, tone: "warn", icon: "link-off" };
    }
    default:
      return { words: t(`save.${connection.state}`), help: t("save.help"), tone: "quiet", icon: "clock" };
  }
}

/** Whole seconds until a moment, counted down while there is one. */
function useSecondsUntil(moment: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (moment === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [moment]);
  return moment === null ? 0 : Math.max(0, Math.ceil((moment - now) / 1000));
}
