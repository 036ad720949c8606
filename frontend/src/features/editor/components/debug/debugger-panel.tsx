/** The Debugger tab: where the run stands, what the node would get, and the buttons everybody shares. */
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import type { DebugStop } from "../../api/debug";
import { debugText } from "../../debug-text";
import { currentStop, useDebugTell, useDebugView } from "../../hooks/use-debug";
import { useNodeName, useNodeNames } from "../../hooks/use-node-name";
import { useCanEdit, useEditor, useFlow, useRuns } from "../../stores/context";
import { isFinal, shownRun } from "../../stores/run-store";
import { select } from "../../stores/ui-store";
import { Breakpoints } from "./breakpoints";
import classes from "./debugger-panel.module.css";
import { StopValues } from "./stop-values";

export function DebuggerPanel() {
  const view = useDebugView();
  const stop = currentStop(view);
  const hit = stop ? view?.hits.get(stop.id) : undefined;
  return (
    <div className={classes.panel} data-testid="debugger">
      <div className={classes.left}>
        <Buttons stop={stop} />
        <Where />
        <Breakpoints />
      </div>
      <div className={classes.right}>{stop && hit && <StopValues key={stop.id} stop={stop} hit={hit} />}</div>
    </div>
  );
}

const STEPS = ["continue", "step_over", "step_into", "step_out"] as const;
const ICONS = { continue: "play", step_over: "redo", step_into: "download", step_out: "upload" } as const;

/** Each button names the stop it is about: of two people who press together, one moves the run. */
function Buttons({ stop }: { stop: DebugStop | null }) {
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const run = useRuns(shownRun);
  const { mutate, isPending } = useDebugTell();
  const isOver = run === null || isFinal(run.state);
  if (!canEdit) return <p className="muted">{t("viewer")}</p>;
  return (
    <div className={classes.buttons}>
      {STEPS.map((word) => (
        <button
          key={word}
          type="button"
          disabled={stop === null || isPending}
          data-testid={`debug-${word}`}
          onClick={() => stop && mutate({ command: word, stop: stop.id })}
        >
          <Icon name={ICONS[word]} size={13} />
          {t(word)}
        </button>
      ))}
      <RunTo stop={stop} />
      {stop?.phase === "error" && (
        <button
          type="button"
          disabled={isPending}
          onClick={() => mutate({ command: "again", stop: stop.id })}
        >
          <Icon name="retry" size={13} />
          {t("again")}
        </button>
      )}
      <button
        type="button"
        disabled={stop !== null || isOver || isPending}
        data-testid="debug-pause"
        onClick={() => mutate({ command: "pause" })}
      >
        <Icon name="pause" size={13} />
        {t("pause")}
      </button>
      <button
        type="button"
        disabled={isOver || isPending}
        data-testid="debug-stop"
        onClick={() => mutate({ command: "stop" })}
      >
        <Icon name="stop" size={13} />
        {t("stop")}
      </button>
    </div>
  );
}

/** Go on to a chosen node: the one that is selected, or any other. */
function RunTo({ stop }: { stop: DebugStop | null }) {
  const t = useText(debugText);
  const nodes = useFlow((flow) => flow.document.nodes);
  const nameOf = useNodeNames();
  const { mutate, isPending } = useDebugTell();
  return (
    <select
      aria-label={t("run_to")}
      data-testid="debug-run_to"
      disabled={stop === null || isPending}
      value=""
      onChange={(event) => stop && mutate({ command: "run_to", stop: stop.id, node_id: event.target.value })}
    >
      <option value="">{t("run_to")}</option>
      {nodes.map((node) => (
        <option key={node.id} value={node.id}>
          {nameOf(node)}
        </option>
      ))}
    </select>
  );
}

/** The mode in a sentence, who did what last, and every node that stands. */
function Where() {
  const t = useText(debugText);
  const view = useDebugView();
  const state = view?.state;
  if (!state) return <p className="muted">{t("idle")}</p>;
  const { command } = state;
  return (
    <>
      {state.current === null && (
        <p className="muted">{t(state.mode === "paused" ? "pausing" : state.mode)}</p>
      )}
      {command?.by.name && (
        <p className="muted" data-testid="debug-by">
          {t("by", {
            name: command.by.name,
            word: command.error?.message ?? (isSaid(command.word) ? t(command.word) : command.word),
          })}
        </p>
      )}
      {state.stops.length > 0 && (
        <ul className={classes.stops} aria-label={t("standing")}>
          {state.stops.map((stop) => (
            <StopRow key={stop.id} stop={stop} isCurrent={stop.id === state.current} />
          ))}
        </ul>
      )}
    </>
  );
}

const SAID = [...STEPS, "run_to", "pause", "again", "stop"] as const;

function isSaid(word: string): word is (typeof SAID)[number] {
  return (SAID as readonly string[]).includes(word);
}

function StopRow({ stop, isCurrent }: { stop: DebugStop; isCurrent: boolean }) {
  const { ui } = useEditor();
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const name = useNodeName(stop.node_id);
  const { mutate } = useDebugTell();
  return (
    <li data-current={isCurrent || undefined}>
      <button
        type="button"
        onClick={() => {
          select(ui, [stop.node_id]);
          if (!isCurrent && canEdit) mutate({ command: "focus", stop: stop.id });
        }}
      >
        <b>{name}</b>
        <span className="muted">{stop.iteration_path}</span>
        <span>{t(`reason.${stop.reason}`)}</span>
      </button>
    </li>
  );
}
