/** The lower panel: problems, and of the shown run its timeline, logs and outputs. */
import { Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { StateRing } from "@/components/state-ring";
import { formatTime, useText } from "@/i18n";
import { flowRunsQuery } from "../../api/queries";
import { debugText } from "../../debug-text";
import { useBreakpoints } from "../../hooks/use-breakpoints";
import { useRunLoader } from "../../hooks/use-run-loader";
import { useEditor, useIssues, useRuns, useUi } from "../../stores/context";
import { isFinal, noteRun, shownRun } from "../../stores/run-store";
import type { DrawerTab } from "../../stores/ui-store";
import { editorText } from "../../text";
import { DebuggerPanel } from "../debug/debugger-panel";
import classes from "./drawer.module.css";
import { Logs } from "./logs";
import { Optimiser } from "./optimiser";
import { Outputs } from "./outputs";
import { Problems } from "./problems";
import { Timeline } from "./timeline";

export function Drawer() {
  const { ui } = useEditor();
  const open = useUi((state) => state.drawerOpen);
  const tab = useUi((state) => state.drawerTab);
  const t = useText(editorText);
  const word = useText(debugText);
  const issues = useIssues((index) => index.all);
  const breakpoints = useBreakpoints().length;
  const logs = useRuns((state) => shownRun(state)?.logs.length ?? 0);
  const tabs: { id: DrawerTab; label: string; count: number; bad?: boolean }[] = [
    {
      id: "problems",
      label: t("drawer.problems"),
      count: issues.length,
      bad: issues.some((i) => i.severity === "error"),
    },
    { id: "timeline", label: t("drawer.timeline"), count: 0 },
    { id: "logs", label: t("drawer.logs"), count: logs },
    { id: "outputs", label: t("drawer.outputs"), count: 0 },
    { id: "optimiser", label: t("drawer.optimiser"), count: 0 },
    { id: "debugger", label: word("tab"), count: breakpoints },
  ];
  return (
    <section
      className={classes.drawer}
      data-open={open || undefined}
      aria-label={t("drawer")}
      data-testid="drawer"
    >
      {open && <Grip />}
      <div className={classes.bar}>
        <div role="tablist" aria-label={t("drawer")} className={classes.tabs}>
          {tabs.map(({ id, label, count, bad }) => (
            <button
              key={id}
              type="button"
              role="tab"
              aria-selected={open && tab === id}
              data-testid={`drawer-${id}`}
              onClick={() =>
                ui.setState(open && tab === id ? { drawerOpen: false } : { drawerOpen: true, drawerTab: id })
              }
            >
              {label}
              {count > 0 && (
                <span className={classes.count} data-bad={bad || undefined}>
                  {count}
                </span>
              )}
            </button>
          ))}
        </div>
        <RunPicker />
        <button
          type="button"
          className={classes.icon}
          aria-label={open ? t("drawer.close") : t("drawer.open")}
          aria-expanded={open}
          onClick={() => ui.setState({ drawerOpen: !open })}
        >
          <Icon name={open ? "chevron-down" : "chevron-up"} />
        </button>
      </div>
      {open && (
        <div className={classes.panel} role="tabpanel">
          {tab === "problems" && <Problems />}
          {tab === "timeline" && <Timeline />}
          {tab === "logs" && <Logs />}
          {tab === "outputs" && <Outputs />}
          {tab === "optimiser" && <Optimiser />}
          {tab === "debugger" && <DebuggerPanel />}
        </div>
      )}
    </section>
  );
}

/** Drag to resize; the height is the drawer's own, between a few rows and most of the window. */
function Grip() {
  const { ui } = useEditor();
  const t = useText(editorText);
  const height = useUi((state) => state.drawerHeight);
  const set = (value: number): void =>
    ui.setState({ drawerHeight: Math.max(120, Math.min(window.innerHeight - 260, value)) });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule that can be moved; <hr> cannot take focus and values.
    <div
      className={classes.grip}
      role="separator"
      aria-orientation="horizontal"
      aria-label={t("drawer.resize")}
      aria-valuenow={height}
      tabIndex={0}
      onKeyDown={(event) => {
        if (event.key === "ArrowUp") set(height + 24);
        if (event.key === "ArrowDown") set(height - 24);
        event.stopPropagation();
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.buttons === 1) set(window.innerHeight - event.clientY);
      }}
    />
  );
}

function RunPicker() {
  const { workspaceId, flowId, runs, runSocket } = useEditor();
  const t = useText(editorText);
  const query = useQuery(flowRunsQuery(workspaceId, flowId));
  const run = useRuns(shownRun);
  useRunLoader(run);
  if (!run && (query.data?.length ?? 0) === 0) return null;
  return (
    <Menu width={240} position="top-end">
      <Menu.Target>
        <button type="button" className={classes.picker} data-testid="run-picker">
          {run ? t("run.number", { number: run.number ?? "…" }) : t("run.none")}
          {run && !isFinal(run.state) && <span className="muted">{t("live")}</span>}
          <Icon name="chevron-down" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflowY: "auto" }}>
        {(query.data ?? []).map((item) => (
          <Menu.Item
            key={item.id}
            leftSection={<StateRing state={item.state} />}
            rightSection={<span className="muted">{formatTime(item.created_at)}</span>}
            onClick={() => {
              noteRun(runs, item, true);
              if (!isFinal(item.state)) runSocket.follow(item.id);
            }}
          >
            {t("run.number", { number: item.number })}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
