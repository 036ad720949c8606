/** Opens the share dialog. */
import { Tooltip } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { editorText } from "../../text";
import { ShareDialog } from "../share/share-dialog";
import classes from "./top-bar.module.css";

export function ShareButton() {
  const t = useText(editorText);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Tooltip label={t("share_help")}>
        <button
          type="button"
          className={classes.ghost}
          aria-label={t("share")}
          data-testid="share"
          onClick={() => setOpen(true)}
        >
          <Icon name="share" size={15} />
          <span className={classes.wide}>{t("share")}</span>
        </button>
      </Tooltip>
      {isOpen && <ShareDialog onClose={() => setOpen(false)} />}
    </>
  );
}
