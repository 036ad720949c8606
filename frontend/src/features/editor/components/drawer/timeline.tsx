/** A Gantt of the shown run: thin grey line = waiting, bar = work, a line for now. */
import { useEffect, useState } from "react";
import { Icon } from "@/components/icon";
import { formatDuration, formatNumber, useText } from "@/i18n";
import { useNodeName } from "../../hooks/use-node-name";
import { useCatalogue, useEditor, useFlow, useRuns, useUi } from "../../stores/context";
import { isFinal, type NodeRunView, type RunView, shownRun } from "../../stores/run-store";
import { select } from "../../stores/ui-store";
import { editorText } from "../../text";
import { nodeIconName } from "../node-icon";
import classes from "./drawer.module.css";

export function Timeline() {
  const run = useRuns(shownRun);
  const t = useText(editorText);
  const now = useNow(run !== null && !isFinal(run.state));
  if (!run) return <p className={classes.empty}>{t("timeline.none")}</p>;
  const start = run.startedAt ?? firstTime(run) ?? now;
  const end = Math.max(run.finishedAt ?? now, start + 1);
  const scale = scaleOf(end - start, run.finishedAt === null);
  const rows = [...run.nodes]
    .filter(([, node]) => node.startedAt !== null || node.queuedAt !== null)
    .sort(([, a], [, b]) => (a.startedAt ?? a.queuedAt ?? 0) - (b.startedAt ?? b.queuedAt ?? 0));
  return (
    <div className={classes.gantt} data-testid="timeline">
      <div className={classes.axis}>
        <span />
        <div>
          {scale.ticks.map((tick) => (
            <i key={tick} style={{ left: `${(tick / scale.span) * 100}%` }}>
              {tickLabel(tick)}
            </i>
          ))}
        </div>
      </div>
      <div className={classes.rows}>
        <div className={classes.grid} aria-hidden="true">
          <div>
            {scale.ticks.slice(1).map((tick) => (
              <i key={tick} style={{ left: `${(tick / scale.span) * 100}%` }} />
            ))}
            {run.finishedAt === null && <u style={{ left: `${((end - start) / scale.span) * 100}%` }} />}
          </div>
        </div>
        {rows.map(([id, node]) => (
          <GanttRow key={id} id={id} node={node} start={start} now={end} span={scale.span} />
        ))}
      </div>
    </div>
  );
}

type RowProps = { id: string; node: NodeRunView; start: number; now: number; span: number };

function GanttRow({ id, node, start, now, span }: RowProps) {
  const { ui } = useEditor();
  const t = useText(editorText);
  const name = useNodeName(id) || id;
  const type = useFlow((flow) => flow.nodesById.get(id)?.type ?? "");
  const spec = useCatalogue().get(type);
  const selected = useUi((state) => state.selected.has(id));
  const from = node.startedAt ?? node.queuedAt ?? start;
  const to = node.finishedAt ?? (node.state === "running" ? now : from);
  const left = ((from - start) / span) * 100;
  const width = Math.max(((to - from) / span) * 100, 0);
  const queued =
    node.queuedAt !== null && node.startedAt !== null ? ((node.startedAt - node.queuedAt) / span) * 100 : 0;
  return (
    <button
      type="button"
      className={`${classes.row} cat-${spec?.category ?? "utility"}`}
      data-on={selected || undefined}
      data-testid={`timeline-${id}`}
      onClick={() => select(ui, [id])}
    >
      <span className={classes.rowName}>
        <span style={{ color: "var(--cat)" }}>
          <Icon name={nodeIconName(spec)} size={13} />
        </span>
        <span className="cut">{name}</span>
      </span>
      <span className={classes.track}>
        {queued > 0.2 && (
          <s className={classes.wait} style={{ left: `${left - queued}%`, width: `${queued}%` }} />
        )}
        <s
          className={classes.work}
          data-state={node.state}
          style={{ left: `${left}%`, width: `max(3px, ${width}%)` }}
        />
        <em style={{ left: `calc(${left + width}% + 8px)` }}>{words(node, to - from, t)}</em>
      </span>
    </button>
  );
}

type Words = (
  key: "tries" | `state.${"skipped" | "cancelled" | "queued"}`,
  values?: Record<string, number>,
) => string;

function words(node: NodeRunView, elapsed: number, t: Words): string {
  if (node.state === "skipped" || node.state === "cancelled" || node.state === "queued")
    return t(`state.${node.state}`);
  const parts = [formatDuration(node.durationMs ?? elapsed)];
  if (node.progress?.total)
    parts.push(`${formatNumber(node.progress.done)} / ${formatNumber(node.progress.total)}`);
  if (node.attempt > 1) parts.push(t("tries", { count: node.attempt }));
  return parts.join(" · ");
}

function firstTime(run: RunView): number | null {
  const times = [...run.nodes.values()].flatMap((node) => node.queuedAt ?? node.startedAt ?? []);
  return times.length > 0 ? Math.min(...times) : null;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
  3_600_000,
];

/** A round step with about eight ticks; a live run keeps room ahead, so that bars grow without jumps. */
function scaleOf(elapsed: number, live: boolean): { span: number; ticks: number[] } {
  const wanted = elapsed * (live ? 1.3 : 1.12);
  const step = STEPS.find((size) => wanted / size <= 8) ?? Math.ceil(wanted / 8 / 3_600_000) * 3_600_000;
  const count = Math.max(1, Math.ceil(wanted / step));
  return { span: count * step, ticks: Array.from({ length: count }, (_, index) => index * step) };
}

function tickLabel(ms: number): string {
  if (ms < 1000 && ms > 0) return `${ms} ms`;
  if (ms < 60_000) return `${ms / 1000} s`;
  return formatDuration(ms);
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
