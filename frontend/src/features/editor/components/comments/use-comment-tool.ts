/** With the comment tool a click on the canvas begins a thread there, on the node under it if there is one. */
import { useReactFlow } from "@xyflow/react";
import { useEffect } from "react";
import type { Point } from "@/flow-core";
import { useCanComment } from "../../hooks/use-comments";
import { useEditor, useUi } from "../../stores/context";

const OWN = "[data-comments], [role=toolbar], .react-flow__minimap";

export function useCommentTool(): void {
  const { ui, live } = useEditor();
  const flow = useReactFlow();
  const canComment = useCanComment();
  const isOn = useUi((state) => state.tool === "comment");
  useEffect(() => {
    if (isOn && !canComment) ui.setState({ tool: "pointer" });
    const canvas = document.querySelector<HTMLElement>("[data-testid=canvas]");
    if (!isOn || !canComment || !canvas) return;
    const isOurs = (event: MouseEvent): boolean =>
      event.button === 0 && event.target instanceof Element && event.target.closest(OWN) === null;
    // Nothing is dragged, selected or connected meanwhile; wheel and middle button move the view as always.
    const hold = (event: MouseEvent): void => {
      if (isOurs(event)) event.stopPropagation();
    };
    const begin = (event: MouseEvent): void => {
      if (!isOurs(event)) return;
      event.stopPropagation();
      event.preventDefault();
      const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
      const id = (event.target as Element).closest(".react-flow__node")?.getAttribute("data-id") ?? "";
      const node = live.snapshot.nodesById.get(id);
      const at: Point = node ? [x - node.pos[0], y - node.pos[1]] : [x, y];
      ui.setState({
        newThread: { at: [Math.round(at[0]), Math.round(at[1])], node: node ? id : null },
        openThread: null,
      });
    };
    canvas.dataset.commenting = "";
    for (const kind of ["pointerdown", "mousedown", "dblclick"] as const)
      canvas.addEventListener(kind, hold, true);
    canvas.addEventListener("click", begin, true);
    return () => {
      delete canvas.dataset.commenting;
      for (const kind of ["pointerdown", "mousedown", "dblclick"] as const)
        canvas.removeEventListener(kind, hold, true);
      canvas.removeEventListener("click", begin, true);
    };
  }, [isOn, canComment, ui, live, flow]);
}
