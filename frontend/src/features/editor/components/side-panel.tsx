/** What may stand in the inspector's place: comments, activity. Selecting a node brings the inspector back. */
import { useEffect } from "react";
import { useEditor, useUi } from "../stores/context";
import { ActivityPanel } from "./activity/activity-panel";
import { CommentsPanel } from "./comments/comments-panel";
import { Inspector } from "./inspector/inspector";

export function RightPanel() {
  const { ui } = useEditor();
  const side = useUi((state) => state.side);
  useEffect(
    () =>
      ui.subscribe((state, before) => {
        if (state.side && state.selected !== before.selected && state.selected.size === 1)
          ui.setState({ side: null });
      }),
    [ui],
  );
  if (side === "comments") return <CommentsPanel />;
  if (side === "activity") return <ActivityPanel />;
  return <Inspector />;
}
