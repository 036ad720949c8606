/** Undo, redo, tidy, note; zoom. Floats at the lower left of the canvas. */
import { Tooltip } from "@mantine/core";
import { useReactFlow, useStore } from "@xyflow/react";
import { useSyncExternalStore } from "react";
import { Icon, type IconName } from "@/components/icon";
import { containerSize, isContainer, tidied } from "@/flow-core";
import { useText } from "@/i18n";
import { useCanComment } from "../../hooks/use-comments";
import { useUndo } from "../../hooks/use-undo";
import { useView } from "../../hooks/use-view";
import { useCanEdit, useCatalogue, useEditor, useUi } from "../../stores/context";
import { editorText } from "../../text";
import { commentsText } from "../comments/text";
import classes from "./canvas-tools.module.css";
import { snapped } from "./grid";
import { CARD_WIDTH, layoutPorts } from "./ports";

export function CanvasTools() {
  const canEdit = useCanEdit();
  return (
    <div className={classes.tools}>
      {canEdit && <EditTools />}
      <ViewTools />
    </div>
  );
}

function EditTools() {
  const { undo, operations, live, ui } = useEditor();
  const types = useCatalogue();
  const flow = useReactFlow();
  const view = useView();
  const t = useText(editorText);
  const turn = useUndo();
  const [canUndo, canRedo] = useUndoState();
  const tidy = (): void => {
    undo.cut();
    const { positions, sizes } = tidied(live.snapshot.document, (node) =>
      isContainer(node, types)
        ? containerSize(node)
        : [CARD_WIDTH, layoutPorts(node, types.get(node.type), [], []).height],
    );
    operations.together("tidy", () => {
      operations.moveNodes(positions);
      for (const [id, size] of sizes) operations.setNode([id], "size", [...size]);
    });
    undo.cut();
    requestAnimationFrame(() => view.fit({ duration: 320 }));
  };
  const note = (): void => {
    const at = flow.screenToFlowPosition({ x: window.innerWidth / 2 - 100, y: window.innerHeight / 2 - 140 });
    undo.cut();
    const id = operations.addNote({
      text: "",
      pos: snapped([at.x, at.y]),
      size: [184, 112],
      color: "yellow",
    });
    ui.setState({ selected: new Set([id]), selectedEdges: new Set(), editingNote: id });
  };
  return (
    <div className={classes.bar} role="toolbar" aria-label={t("tools.edit")}>
      <Tool icon="undo" label={t("undo")} keys="Ctrl+Z" disabled={!canUndo} onClick={turn.undo} />
      <Tool icon="redo" label={t("redo")} keys="Ctrl+Shift+Z" disabled={!canRedo} onClick={turn.redo} />
      <Tool icon="tidy" label={t("tidy")} onClick={tidy} />
      <Tool icon="note" label={t("note.add")} onClick={note} />
    </div>
  );
}

function ViewTools() {
  const { ui } = useEditor();
  const view = useView();
  const zoom = useStore((state) => state.transform[2]);
  const tool = useUi((state) => state.tool);
  const canComment = useCanComment();
  const t = useText(editorText);
  const comments = useText(commentsText);
  return (
    <div className={classes.bar} role="toolbar" aria-label={t("tools.view")}>
      <Tool
        icon={tool === "hand" ? "hand" : "pointer"}
        label={tool === "hand" ? t("tool.hand") : t("tool.pointer")}
        keys="V / H"
        onClick={() => ui.setState({ tool: tool === "hand" ? "pointer" : "hand" })}
      />
      {canComment && (
        <Tool
          icon="comment"
          label={comments("tool")}
          keys="C"
          isOn={tool === "comment"}
          onClick={() => ui.setState({ tool: tool === "comment" ? "pointer" : "comment", openThread: null })}
        />
      )}
      <Tool icon="minus" label={t("zoom.out")} onClick={view.zoomOut} />
      <button type="button" className={classes.zoom} title={t("zoom.reset")} onClick={() => view.zoomTo(1)}>
        {Math.round(zoom * 100)}%
      </button>
      <Tool icon="plus" label={t("zoom.in")} onClick={view.zoomIn} />
      <Tool icon="fit" label={t("zoom.fit")} keys="1" onClick={() => view.fit()} />
    </div>
  );
}

type ToolProps = {
  icon: IconName;
  label: string;
  keys?: string;
  disabled?: boolean;
  isOn?: boolean;
  onClick: () => void;
};

function Tool({ icon, label, keys, disabled, isOn, onClick }: ToolProps) {
  return (
    <Tooltip label={keys ? `${label} (${keys})` : label}>
      <button
        type="button"
        className={classes.tool}
        aria-label={label}
        aria-disabled={disabled || undefined}
        aria-pressed={isOn}
        onClick={() => !disabled && onClick()}
      >
        <Icon name={icon} />
      </button>
    </Tooltip>
  );
}

function useUndoState(): readonly [boolean, boolean] {
  const { undo } = useEditor();
  const subscribe = (listener: () => void) => undo.subscribe(listener);
  const canUndo = useSyncExternalStore(subscribe, () => undo.state.canUndo);
  const canRedo = useSyncExternalStore(subscribe, () => undo.state.canRedo);
  return [canUndo, canRedo];
}
