/** The flow's breakpoints: when they stop, whether they only log, and stopping where a node fails. */
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import type { Breakpoint } from "../../api/debug";
import { debugText } from "../../debug-text";
import { newBreakpoint, useBreakpointChange, useBreakpoints } from "../../hooks/use-breakpoints";
import { useNodeName } from "../../hooks/use-node-name";
import { useCanEdit, useEditor } from "../../stores/context";
import { select } from "../../stores/ui-store";
import classes from "./debugger-panel.module.css";

const ANY_NODE = "*";

export function Breakpoints() {
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const points = useBreakpoints();
  const { put, remove } = useBreakpointChange();
  const onFailure = points.find((point) => point.node_id === ANY_NODE) ?? null;
  const own = points.filter((point) => point.node_id !== ANY_NODE);
  return (
    <section aria-label={t("breakpoints")}>
      <b>{t("breakpoints")}</b>
      <label className={classes.check}>
        <input
          type="checkbox"
          checked={onFailure !== null}
          disabled={!canEdit}
          data-testid="break-on-failure"
          onChange={() => (onFailure ? remove(onFailure) : put({ ...newBreakpoint(ANY_NODE), on: "error" }))}
        />
        {t("breakpoint.any_failure")}
      </label>
      {own.length === 0 && <p className="muted">{t("breakpoint.none")}</p>}
      <ul className={classes.stops}>
        {own.map((point) => (
          <Row
            key={`${point.node_id}:${point.on}`}
            point={point}
            canEdit={canEdit}
            put={put}
            remove={remove}
          />
        ))}
      </ul>
    </section>
  );
}

type RowProps = {
  point: Breakpoint;
  canEdit: boolean;
  put: (point: Breakpoint) => void;
  remove: (point: Breakpoint) => void;
};

function Row({ point, canEdit, put, remove }: RowProps) {
  const { ui } = useEditor();
  const t = useText(debugText);
  const name = useNodeName(point.node_id);
  return (
    <li className={classes.point}>
      <input
        type="checkbox"
        checked={point.enabled}
        disabled={!canEdit}
        aria-label={t("breakpoint.enabled", { name })}
        onChange={() => put({ ...point, enabled: !point.enabled })}
      />
      <button type="button" title={point.node_id} onClick={() => select(ui, [point.node_id])}>
        <b className="cut">{name}</b>
        {point.on === "error" && <span className="muted">{t("reason.error")}</span>}
      </button>
      <Words
        label={t("breakpoint.condition")}
        hint={t("breakpoint.condition_hint")}
        value={point.condition}
        disabled={!canEdit}
        onChange={(condition) => put({ ...point, condition })}
      />
      <Words
        label={t("breakpoint.hits")}
        hint="1"
        value={point.hit_count > 1 ? String(point.hit_count) : ""}
        disabled={!canEdit}
        narrow
        onChange={(text) => put({ ...point, hit_count: Math.max(1, Math.trunc(Number(text)) || 1) })}
      />
      <Words
        label={t("breakpoint.log")}
        hint={t("breakpoint.log_hint")}
        value={point.log}
        disabled={!canEdit}
        onChange={(log) => put({ ...point, log })}
      />
      {canEdit && (
        <button type="button" aria-label={t("breakpoint.remove")} onClick={() => remove(point)}>
          <Icon name="close" size={12} />
        </button>
      )}
    </li>
  );
}

type WordsProps = {
  label: string;
  hint: string;
  value: string;
  disabled: boolean;
  narrow?: boolean;
  onChange: (value: string) => void;
};

/** A text that counts once the field is left. */
function Words({ label, hint, value, disabled, narrow = false, onChange }: WordsProps) {
  return (
    <input
      key={value}
      defaultValue={value}
      disabled={disabled}
      aria-label={label}
      title={label}
      placeholder={hint}
      data-narrow={narrow || undefined}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
      }}
      onBlur={(event) => {
        const next = event.target.value.trim();
        if (next !== value) onChange(next);
      }}
    />
  );
}
