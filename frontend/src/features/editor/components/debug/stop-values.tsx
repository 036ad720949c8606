/** What the node the run stands at would get, and editing it. */
import { useState } from "react";
import { Icon } from "@/components/icon";
import type { Json } from "@/flow-core";
import { useText } from "@/i18n";
import type { DebugCommand, DebugHit, DebugStop } from "../../api/debug";
import { debugText } from "../../debug-text";
import { useDebugTell } from "../../hooks/use-debug";
import { useCanEdit } from "../../stores/context";
import classes from "./debugger-panel.module.css";

type Values = Record<string, Json>;

export function StopValues({ stop, hit }: { stop: DebugStop; hit: DebugHit }) {
  const t = useText(debugText);
  return (
    <>
      {hit.error && <p className={classes.error}>{hit.error.message}</p>}
      {hit.stop.note && <p className={classes.error}>{hit.stop.note}</p>}
      <ValueBox
        title={t("inputs")}
        values={hit.inputs}
        toCommand={(inputs) => ({ command: "set_inputs", stop: stop.id, inputs })}
      />
      <ValueBox
        title={t("config")}
        values={hit.config ?? {}}
        toCommand={(config) => ({ command: "set_inputs", stop: stop.id, config })}
      />
      <ValueBox
        title={t("outputs")}
        action={t("inject")}
        values={{}}
        toCommand={(outputs) => ({ command: "set_outputs", stop: stop.id, outputs })}
      />
    </>
  );
}

type BoxProps = {
  title: string;
  action?: string;
  values: Values;
  toCommand: (values: Values) => DebugCommand;
};

function ValueBox({ title, action, values, toCommand }: BoxProps) {
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const { mutate } = useDebugTell();
  const [text, setText] = useState<string | null>(null);
  const parsed = text === null ? null : objectOf(text);
  return (
    <section className={classes.box} aria-label={title}>
      <header>
        <b>{title}</b>
        {canEdit && text === null && (
          <button type="button" onClick={() => setText(JSON.stringify(values, null, 2))}>
            <Icon name="code" size={12} />
            {action ?? t("edit")}
          </button>
        )}
      </header>
      {text === null ? (
        <pre data-testid={`debug-values-${title}`}>
          {Object.keys(values).length > 0 ? JSON.stringify(values, null, 2) : t("empty")}
        </pre>
      ) : (
        <>
          <textarea
            aria-label={title}
            aria-invalid={parsed === null}
            rows={6}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.stopPropagation()}
          />
          {parsed === null && <p className={classes.error}>{t("not_json")}</p>}
          <div className={classes.buttons}>
            <button
              type="button"
              disabled={parsed === null}
              onClick={() => {
                if (parsed) mutate(toCommand(changed(values, parsed)));
                setText(null);
              }}
            >
              {t("apply")}
            </button>
            <button type="button" onClick={() => setText(null)}>
              {t("cancel")}
            </button>
          </div>
        </>
      )}
    </section>
  );
}

/** Only what was really changed: the values shown are beginnings, and must not replace the whole. */
function changed(before: Values, after: Values): Values {
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value)),
  );
}

function objectOf(text: string): Values | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : null;
  } catch {
    return null;
  }
}
