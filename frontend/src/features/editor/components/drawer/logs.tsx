/** The log of the shown run, filtered by node and level. */
import { Select } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Icon } from "@/components/icon";
import { formatClock, useText } from "@/i18n";
import { workspacePath } from "@/lib/api";
import { useNodeName } from "../../hooks/use-node-name";
import { useEditor, useRuns, useUi } from "../../stores/context";
import { type LogLine, shownRun } from "../../stores/run-store";
import { singleSelection } from "../../stores/ui-store";
import { editorText } from "../../text";
import classes from "./drawer.module.css";

const LEVELS = ["debug", "info", "warning", "error"] as const;
const SHOWN = 1_000;

export function Logs() {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const run = useRuns(shownRun);
  const selected = useUi(singleSelection);
  const [level, setLevel] = useState<string>("debug");
  const [onlySelected, setOnlySelected] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  const lines = (run?.logs ?? []).filter(
    (line) => rank(line.level) >= rank(level) && (!onlySelected || !selected || line.nodeId === selected),
  );
  const count = lines.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line scrolls the list to its end.
  useEffect(() => {
    const frame = end.current?.parentElement;
    if (frame && frame.scrollHeight - frame.scrollTop - frame.clientHeight < 80)
      end.current?.scrollIntoView({ block: "nearest" });
  }, [count]);
  if (!run) return <p className={classes.empty}>{t("timeline.none")}</p>;
  return (
    <div className={classes.logs}>
      <div className={classes.logBar}>
        <Select
          aria-label={t("logs.level")}
          data={LEVELS.map((value) => ({ value, label: t(`logs.${value}`) }))}
          value={level}
          allowDeselect={false}
          w={120}
          onChange={(value) => setLevel(value ?? "debug")}
        />
        <label>
          <input
            type="checkbox"
            checked={onlySelected}
            onChange={(event) => setOnlySelected(event.target.checked)}
          />
          {t("logs.only_selected")}
        </label>
        <a className={classes.small} href={workspacePath(workspaceId, `/runs/${run.id}/log`)} download>
          <Icon name="download" size={12} /> {t("logs.download")}
        </a>
      </div>
      <div className={classes.logLines} role="log" aria-live="off" data-testid="log-lines">
        {lines.length === 0 && <p className={classes.empty}>{t("logs.none")}</p>}
        {lines.slice(-SHOWN).map((line) => (
          <LogRow key={line.seq} line={line} />
        ))}
        <div ref={end} />
      </div>
    </div>
  );
}

function LogRow({ line }: { line: LogLine }) {
  const name = useNodeName(line.nodeId);
  return (
    <div className={classes.logRow} data-level={line.level}>
      <time className="muted">{formatClock(line.at)}</time>
      <span className={classes.logLevel}>{line.level}</span>
      <span className="muted cut">{name || line.nodeId}</span>
      <span className={classes.logText}>
        {line.message} {line.fields && <span className="muted">{line.fields}</span>}
      </span>
    </div>
  );
}

function rank(level: string): number {
  const index = (LEVELS as readonly string[]).indexOf(level === "warn" ? "warning" : level);
  return index < 0 ? 1 : index;
}
