/** Keys of the editor; nothing fires while someone types into a field. */
import { useReactFlow } from "@xyflow/react";
import { useEffect } from "react";
import { useCanEdit, useEditor } from "../stores/context";
import { singleSelection, type UiStore } from "../stores/ui-store";
import { useCanComment } from "./use-comments";
import { useNodeActions } from "./use-node-actions";
import { useUndo } from "./use-undo";
import { useView } from "./use-view";

type Handlers = { onRun: () => void };

export function useShortcuts({ onRun }: Handlers): void {
  const { ui } = useEditor();
  const { undo, redo } = useUndo();
  const canEdit = useCanEdit();
  const canComment = useCanComment();
  const actions = useNodeActions();
  const flow = useReactFlow();
  const view = useView();

  useEffect(() => {
    const openPicker = (): void => {
      const frame = document.querySelector("[data-testid=canvas]")?.getBoundingClientRect();
      if (!frame) return;
      const screen = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 3 };
      const at = flow.screenToFlowPosition(screen);
      ui.setState({
        picker: { at: [Math.round(at.x / 4) * 4, Math.round(at.y / 4) * 4], screen: [screen.x, screen.y] },
      });
    };
    const renameSelected = (): void => {
      const id = singleSelection(ui.getState());
      if (id) actions.rename(id);
    };
    const plain = new Map<string, () => void>([
      ["Delete", () => actions.remove(false)],
      ["Backspace", () => actions.remove(false)],
      ["F2", renameSelected],
      ["d", actions.toggleDisabled],
      ["v", () => ui.setState({ tool: "pointer" })],
      ["h", () => ui.setState({ tool: "hand" })],
      ["c", () => canComment && ui.setState({ tool: "comment", openThread: null })],
      ["1", () => view.fit()],
      ["0", () => view.zoomTo(1)],
      ["Escape", () => endInnermost(ui)],
      ["ArrowLeft", () => actions.walk("left")],
      ["ArrowRight", () => actions.walk("right")],
      ["ArrowUp", () => actions.walk("up")],
      ["ArrowDown", () => actions.walk("down")],
      ["Tab", () => canEdit && openPicker()],
      ["Enter", toInspector],
    ]);
    const withCtrl = new Map<string, () => void>([
      ["z", undo],
      ["y", redo],
      ["d", actions.duplicate],
      ["a", actions.selectAll],
      ["Enter", onRun],
      ["Delete", () => actions.remove(true)],
      ["Backspace", () => actions.remove(true)],
    ]);
    // Who walks the page by Tab walks on; who has just clicked the canvas adds a node.
    let isOnCanvas = false;
    const onPointerDown = (event: PointerEvent): void => {
      isOnCanvas = onCanvas(event.target);
    };
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || isTyping(event.target) || document.querySelector("[role=dialog]")) {
        if (!(event.key === "Enter" && (event.ctrlKey || event.metaKey)) || event.defaultPrevented) return;
        if (document.querySelector("[role=dialog]")) return;
      }
      const ctrl = event.ctrlKey || event.metaKey;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (event.altKey) return;
      if (key === "Tab" && (event.shiftKey || !isOnCanvas || !hasFocus(event.target))) {
        isOnCanvas = false;
        return;
      }
      // A button that has the focus is pressed by it.
      if (key === "Enter" && !ctrl && event.target !== document.body) return;
      if (event.shiftKey && key.startsWith("Arrow")) {
        const [dx, dy] = STEPS.get(key) ?? [0, 0];
        actions.nudge(dx, dy);
        event.preventDefault();
        return;
      }
      const handler = ctrl ? (event.shiftKey && key === "z" ? redo : withCtrl.get(key)) : plain.get(key);
      if (!handler) return;
      event.preventDefault();
      handler();
    };
    const onCopy = (event: ClipboardEvent): void => {
      if (isTyping(event.target) || !window.getSelection()?.isCollapsed) return;
      const text = actions.copyAsText();
      if (text === null) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
      if (event.type === "cut") actions.remove(false);
    };
    const onPaste = (event: ClipboardEvent): void => {
      if (isTyping(event.target)) return;
      if (actions.paste(event.clipboardData?.getData("text/plain") ?? "")) event.preventDefault();
    };
    window.addEventListener("pointerdown", onPointerDown, { capture: true });
    window.addEventListener("keydown", onKeyDown);
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCopy);
    document.addEventListener("paste", onPaste);
    return () => {
      window.removeEventListener("pointerdown", onPointerDown, { capture: true });
      window.removeEventListener("keydown", onKeyDown);
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCopy);
      document.removeEventListener("paste", onPaste);
    };
  }, [ui, undo, redo, canEdit, canComment, actions, flow, view, onRun]);
}

/** The innermost thing ends first: a comment, the comment tool, the selection. */
function endInnermost(ui: UiStore): void {
  const { openThread, newThread, tool } = ui.getState();
  if (openThread || newThread) ui.setState({ openThread: null, newThread: null });
  else if (tool === "comment") ui.setState({ tool: "pointer" });
  else ui.setState({ selected: new Set(), selectedEdges: new Set(), picker: null });
}

/** From the node the arrow keys have come to, to what it is set to. */
function toInspector(): void {
  const field = "[data-testid=inspector] :is(input, textarea, [contenteditable=true])";
  document.querySelector<HTMLElement>(field)?.focus();
}

const STEPS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["ArrowLeft", [-16, 0]],
  ["ArrowRight", [16, 0]],
  ["ArrowUp", [0, -16]],
  ["ArrowDown", [0, 16]],
]);

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, [contenteditable=true]") !== null
  );
}

function onCanvas(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[data-testid=canvas]") !== null;
}

/** A click on the canvas leaves the focus on the page, or on the card under the pointer. */
function hasFocus(target: EventTarget | null): boolean {
  return target === document.body || onCanvas(target);
}
