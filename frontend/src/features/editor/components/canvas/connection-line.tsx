/** The connection being drawn; over a port that does not fit it says why. */
import { type ConnectionLineComponentProps, getBezierPath, ViewportPortal } from "@xyflow/react";
import { useText } from "@/i18n";
import { useCatalogue, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import { refusal } from "./connecting";
import classes from "./connection-line.module.css";

export function ConnectionLine(props: ConnectionLineComponentProps) {
  const { fromX, fromY, toX, toY, fromPosition, toPosition, fromHandle, toHandle, connectionStatus } = props;
  const { live } = useEditor();
  const types = useCatalogue();
  const t = useText(editorText);
  const [path] = getBezierPath({
    sourceX: fromX,
    sourceY: fromY,
    sourcePosition: fromPosition,
    targetX: toX,
    targetY: toY,
    targetPosition: toPosition,
    curvature: 0.3,
  });
  const bad = connectionStatus === "invalid" && toHandle;
  const [source, target] = fromHandle.type === "source" ? [fromHandle, toHandle] : [toHandle, fromHandle];
  const why =
    bad && source && target
      ? source.type === target.type
        ? ({ kind: source.type === "source" ? "two_outputs" : "two_inputs" } as const)
        : refusal(
            {
              source: source.nodeId,
              source_port: source.id ?? "",
              target: target.nodeId,
              target_port: target.id ?? "",
            },
            live.snapshot,
            types,
          )
      : null;
  return (
    <>
      <path d={path} className={classes.line} data-bad={bad || undefined} fill="none" />
      {why && (
        <ViewportPortal>
          <div
            className={classes.why}
            style={{ transform: `translate(${toX + 12}px, ${toY + 14}px)` }}
            role="status"
          >
            {t(`refusal.${why.kind}`, "from" in why ? { from: why.from, to: why.to } : {})}
          </div>
        </ViewportPortal>
      )}
    </>
  );
}
