/** Undo and redo, with a word when somebody else's change stands in the way. */
import { useMemo } from "react";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { collabText } from "../collab-text";
import { useCanEdit, useEditor } from "../stores/context";

export function useUndo(): { undo: () => void; redo: () => void } {
  const { undo } = useEditor();
  const canEdit = useCanEdit();
  const t = useText(collabText);
  return useMemo(() => {
    const turn = (name: "undo" | "redo"): void => {
      if (canEdit && undo[name]().length > 0) tell(t("undo.refused"));
    };
    return { undo: () => turn("undo"), redo: () => turn("redo") };
  }, [undo, canEdit, t]);
}
