import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { Icon } from "@/components/icon";
import { ProblemNote } from "@/components/problem-view";
import { formatClock, formatFullTime, i18n, useText } from "@/i18n";
import type { FlowDefinition, RunDetail } from "@/lib/api";
import { runEventsQuery, runLogUrl } from "../api";
import { type LogLine, logLines } from "../run-model";
import classes from "../run-page.module.css";
import { runsText } from "../text";

type Props = { workspaceId: string; run: RunDetail; definition: FlowDefinition | undefined };
type Show = "all" | "messages" | "problems";

function shown(line: LogLine, show: Show): boolean {
  if (show === "problems") return line.level === "error" || line.level === "warning";
  return show === "all" || line.type === "log" || line.level === "error";
}

/** Event types are an open list; one without words here shows its own name. */
function useEventWord(): (type: string) => string {
  const t = useText(runsText);
  return (type) => {
    const key = `event.${type}`;
    return i18n.exists(key, { ns: runsText.name }) ? t(key as Parameters<typeof t>[0]) : type;
  };
}

export function RunLog({ workspaceId, run, definition }: Props) {
  const t = useText(runsText);
  const [show, setShow] = useState<Show>("all");
  const query = useQuery(runEventsQuery(workspaceId, run.id));
  const lines = useMemo(
    () => logLines(query.data ?? []).filter((line) => shown(line, show)),
    [query.data, show],
  );
  const names = useMemo(
    () => new Map((definition?.nodes ?? []).map((node) => [node.id, node.name || node.id])),
    [definition],
  );
  return (
    <section className={classes.panel} aria-labelledby="run-log">
      <header>
        <h2 id="run-log">{t("log.title")}</h2>
        <span className={classes.grow} />
        <SegmentedControl
          size="xs"
          aria-label={t("log.filter")}
          value={show}
          data={(["all", "messages", "problems"] as const).map((value) => ({
            value,
            label: t(`log.${value}`),
          }))}
          onChange={(value) => setShow(value as Show)}
        />
        {!run.are_values_hidden && (
          <Button
            size="xs"
            variant="default"
            component="a"
            href={runLogUrl(workspaceId, run.id)}
            download
            leftSection={<Icon name="download" size={12} />}
          >
            {t("log.download")}
          </Button>
        )}
      </header>
      {query.error && !query.data && <ProblemNote error={query.error} />}
      {lines.length === 0 ? (
        <p className={classes.quiet}>{t("log.empty")}</p>
      ) : (
        <Lines lines={lines} names={names} />
      )}
    </section>
  );
}

function Lines({ lines, names }: { lines: LogLine[]; names: Map<string, string> }) {
  const t = useText(runsText);
  const word = useEventWord();
  const box = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  const count = lines.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new line is what moves the view.
  useEffect(() => {
    if (atEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [count]);
  const onScroll = () => {
    const element = box.current;
    if (element) atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard.
    <section ref={box} className={classes.log} aria-label={t("log.title")} tabIndex={0} onScroll={onScroll}>
      {lines.map((line) => (
        <div key={line.seq} className={classes.line} data-level={line.level}>
          <time className={classes.faint} dateTime={line.at} title={formatFullTime(line.at)}>
            {formatClock(line.at)}
          </time>
          <span className={line.level === "info" || line.level === "debug" ? classes.faint : undefined}>
            {t(`level.${line.level}`)}
          </span>
          <span className="cut" title={line.nodeId ?? undefined}>
            {line.nodeId ? (names.get(line.nodeId) ?? line.nodeId) : ""}
          </span>
          <span>
            {line.type === "log" ? line.message : [word(line.type), line.message].filter(Boolean).join(": ")}
          </span>
        </div>
      ))}
    </section>
  );
}
