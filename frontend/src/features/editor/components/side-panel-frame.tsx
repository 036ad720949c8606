/** The frame of a panel in the inspector's place: a title and the way back. */
import type { ReactNode } from "react";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { useEditor } from "../stores/context";
import { editorText } from "../text";
import classes from "./side-panel.module.css";

type FrameProps = { title: string; testId: string; children: ReactNode };

export function SidePanelFrame({ title, testId, children }: FrameProps) {
  const { ui } = useEditor();
  const t = useText(editorText);
  return (
    <aside className={classes.panel} aria-label={title} data-testid={testId} data-side="">
      <header className={classes.head}>
        <h2>{title}</h2>
        <button type="button" aria-label={t("close")} onClick={() => ui.setState({ side: null })}>
          <Icon name="close" />
        </button>
      </header>
      <div className={classes.body}>{children}</div>
    </aside>
  );
}
