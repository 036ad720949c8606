/** Whether what is on the screen is on the server's disk; said from acknowledgements only. */
import { Tooltip } from "@mantine/core";
import { useEffect, useSyncExternalStore } from "react";
import { Icon } from "@/components/icon";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { useConnectionState, useEditor, useRole } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./top-bar.module.css";

/** Changes that could not be carried over are never dropped without a word. */
function useLostNotice(): void {
  const { provider } = useEditor();
  const t = useText(editorText);
  const lost = useSyncExternalStore(provider.subscribe, () => provider.lostChanges);
  useEffect(() => {
    if (lost > 0) tell(t("save.lost", { count: lost }));
  }, [lost, t]);
}

export function SaveState() {
  useLostNotice();
  const connection = useConnectionState();
  const role = useRole();
  const t = useText(editorText);
  const readOnly = role === "viewer" && (connection.state === "saved" || connection.state === "saving");
  const tone = readOnly
    ? "quiet"
    : connection.state === "saved"
      ? "ok"
      : connection.state === "closed"
        ? "bad"
        : connection.state === "offline"
          ? "warn"
          : "quiet";
  const words = readOnly
    ? t("save.read_only")
    : connection.state === "offline"
      ? connection.changes > 0
        ? t("save.offline_changes", { count: connection.changes })
        : t("save.offline")
      : connection.state === "closed"
        ? t(`closed.${connection.reason}`)
        : t(`save.${connection.state}`);
  const help = readOnly
    ? t("save.read_only_help")
    : connection.state === "offline"
      ? t("save.offline_help")
      : connection.state === "closed"
        ? t(`closed.${connection.reason}.hint`)
        : t("save.help");
  return (
    <Tooltip label={help} multiline maw={280}>
      <span
        className={classes.save}
        data-tone={tone}
        data-state={readOnly ? "read-only" : connection.state}
        role="status"
        data-testid="save-state"
      >
        <Icon
          name={
            readOnly
              ? "eye"
              : connection.state === "saved"
                ? "check"
                : connection.state === "offline"
                  ? "link-off"
                  : connection.state === "closed"
                    ? "warning"
                    : "clock"
          }
          size={14}
        />
        {words}
      </span>
    </Tooltip>
  );
}
