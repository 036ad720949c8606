/** A node's left edge: a click sets or removes its breakpoint; it glows while the run stands there. */
import { useText } from "@/i18n";
import { debugText } from "../../debug-text";
import { newBreakpoint, useBreakpointChange, useNodeBreakpoint } from "../../hooks/use-breakpoints";
import { useNodeStop } from "../../hooks/use-debug";
import { useCanEdit } from "../../stores/context";
import classes from "./breakpoint-button.module.css";

export function BreakpointButton({ nodeId }: { nodeId: string }) {
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const point = useNodeBreakpoint(nodeId);
  const stop = useNodeStop(nodeId);
  const { put, remove } = useBreakpointChange();
  return (
    <>
      {stop && <span className={classes.glow} data-stop={stop} data-testid={`stop-${nodeId}`} />}
      <button
        type="button"
        className={`${classes.edge} nodrag nopan`}
        aria-pressed={point !== null}
        aria-label={point ? t("breakpoint.remove") : t("breakpoint.add")}
        title={point?.condition || (point ? t("breakpoint.remove") : t("breakpoint.add"))}
        data-conditional={point?.condition ? true : undefined}
        data-testid={`breakpoint-${nodeId}`}
        disabled={!canEdit}
        tabIndex={-1}
        onClick={(event) => {
          event.stopPropagation();
          if (point) remove(point);
          else put(newBreakpoint(nodeId));
        }}
      />
    </>
  );
}
