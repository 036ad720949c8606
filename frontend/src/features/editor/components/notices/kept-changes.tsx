/** Changes the server will not take: what they are, and ways to keep them. */
import { Button, Modal } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useState, useSyncExternalStore } from "react";
import { Icon } from "@/components/icon";
import { tell } from "@/components/toast";
import { type Change, joined, toPatch } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useChangeLines } from "../../hooks/use-change-lines";
import { useCanEdit, useEditor } from "../../stores/context";
import classes from "./notices.module.css";

const SHOWN = 50;

export function KeptChanges() {
  const { provider } = useEditor();
  const held = useSyncExternalStore(provider.subscribe, () => provider.held);
  const [open, setOpen] = useState(false);
  const t = useText(collabText);
  const first = held[0];
  if (!first) return null;
  const changes = held.reduce<readonly Change[]>((all, item) => joined(all, item.changes), []);
  const count = Math.max(changes.length, 1);
  return (
    <div className={classes.notice} data-tone="warn" role="alert" data-testid="kept-changes">
      <Icon name="warning" />
      <div className={classes.words}>
        <b>{t("kept.title", { count })}</b>
        <span>{t(`kept.${first.held ?? "role"}`)}</span>
      </div>
      <div className={classes.actions}>
        <button type="button" onClick={() => setOpen(true)}>
          {t("kept.open")}
        </button>
      </div>
      {open && <KeptDialog changes={changes} onClose={() => setOpen(false)} />}
    </div>
  );
}

function KeptDialog({ changes, onClose }: { changes: readonly Change[]; onClose: () => void }) {
  const session = useEditor();
  const canEdit = useCanEdit();
  const clipboard = useClipboard({ timeout: 2000 });
  const t = useText(collabText);
  const lines = useChangeLines(changes);
  const patch = JSON.stringify(toPatch(changes, t("kept.dialog")), null, 2);
  const discard = (): void => {
    void session.provider.takeHeld(() => undefined);
    onClose();
  };
  const bringIn = async (): Promise<void> => {
    onClose();
    await session.provider.takeHeld((still) => {
      if (still.length === 0) return;
      const { refused } = session.bringIn("kept_changes", still);
      tell(refused.length > 0 ? t("kept.brought_in_part", { count: refused.length }) : t("kept.brought_in"));
    });
  };
  return (
    <Modal opened onClose={onClose} title={t("kept.dialog")} size={520}>
      <p className={classes.help}>{t("kept.help")}</p>
      <ul className={classes.list} data-testid="kept-list">
        {lines.slice(0, SHOWN).map((line) => (
          <li key={line}>{line}</li>
        ))}
        {lines.length === 0 && <li>{t("kept.unnamed")}</li>}
        {lines.length > SHOWN && <li>{t("kept.more", { count: lines.length - SHOWN })}</li>}
      </ul>
      <div className={classes.row}>
        <Button
          leftSection={<Icon name={clipboard.copied ? "check" : "copy"} />}
          onClick={() => clipboard.copy(patch)}
        >
          {clipboard.copied ? t("kept.copied") : t("kept.copy")}
        </Button>
        <Button
          variant="default"
          leftSection={<Icon name="download" />}
          onClick={() => download(patch, `changes-${session.flowId.slice(0, 8)}.json`)}
        >
          {t("kept.download")}
        </Button>
        {canEdit && changes.length > 0 && (
          <Button variant="default" onClick={() => void bringIn()}>
            {t("kept.bring_in")}
          </Button>
        )}
        <Button variant="subtle" color="red" onClick={discard}>
          {t("kept.discard")}
        </Button>
      </div>
    </Modal>
  );
}

function download(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
