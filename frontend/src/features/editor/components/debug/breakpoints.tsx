/** The flow's breakpoints with their conditions. */
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { debugText } from "../../debug-text";
import { useBreakpointChange, useBreakpoints } from "../../hooks/use-breakpoints";
import { useCanEdit, useEditor } from "../../stores/context";
import { select } from "../../stores/ui-store";
import classes from "./debugger-panel.module.css";

export function Breakpoints() {
  const { ui } = useEditor();
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const points = useBreakpoints();
  const { put, remove } = useBreakpointChange();
  return (
    <section aria-label={t("breakpoints")}>
      <b>{t("breakpoints")}</b>
      {points.length === 0 && <p className="muted">{t("breakpoint.none")}</p>}
      <ul className={classes.stops}>
        {points.map((point) => (
          <li key={`${point.node_id}:${point.on}`}>
            <button type="button" onClick={() => select(ui, [point.node_id])}>
              <b>{point.node_id}</b>
            </button>
            <input
              key={point.condition}
              defaultValue={point.condition}
              disabled={!canEdit}
              aria-label={t("breakpoint.condition")}
              placeholder={t("breakpoint.condition_hint")}
              onKeyDown={(event) => {
                event.stopPropagation();
                if (event.key === "Enter") event.currentTarget.blur();
              }}
              onBlur={(event) => {
                const condition = event.target.value.trim();
                if (condition !== point.condition) put({ ...point, condition });
              }}
            />
            {canEdit && (
              <button type="button" aria-label={t("breakpoint.remove")} onClick={() => remove(point)}>
                <Icon name="close" size={12} />
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
