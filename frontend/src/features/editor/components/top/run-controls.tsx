/** Run, with the number of problems in the way; while a run goes on, its time and Cancel. */
import { Menu, Tooltip } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Icon } from "@/components/icon";
import { StateRing } from "@/components/state-ring";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { runCommand, runRedrive } from "../../api/commands";
import { debugText } from "../../debug-text";
import { useCanEdit, useEditor, useIssues, useRuns } from "../../stores/context";
import { activeRun, type RunView, shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import classes from "./top-bar.module.css";

export function RunControls({ onRun }: { onRun: () => void }) {
  return useCanEdit() && <RunButton onRun={onRun} />;
}

/** The run that goes on, with Cancel, else the one shown. It stands first, so that nothing beside it
 * moves under the pointer when Cancel comes and goes. */
export function RunStatus() {
  const active = useRuns(activeRun);
  const shown = useRuns(shownRun);
  const canEdit = useCanEdit();
  const run = active ?? shown;
  return (
    <>
      {active && canEdit && <PauseButton key={`${active.id}:${active.state}`} run={active} />}
      {active && canEdit && <CancelButton key={active.id} run={active} />}
      {run && <RunLink run={run} />}
    </>
  );
}

function RunLink({ run }: { run: RunView }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const seconds = useElapsed(run);
  return (
    <Link
      to="/w/$ws/runs/$run"
      params={{ ws: workspaceId, run: run.id }}
      className={classes.status}
      data-state={run.state}
      data-testid="run-status"
      title={t("run.open")}
    >
      <StateRing state={run.state} />
      <b>{t("run.number", { number: run.number ?? "…" })}</b>
      <span className={classes.statusWord}>{t(`state.${run.state}`)}</span>
      <span className="num">{seconds}</span>
    </Link>
  );
}

function useElapsed(run: RunView): string {
  const [now, setNow] = useState(() => Date.now());
  const running = run.startedAt !== null && run.finishedAt === null;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [running]);
  if (run.startedAt === null) return "";
  const total = Math.max(0, Math.floor(((run.finishedAt ?? now) - run.startedAt) / 1000));
  return `${String(Math.floor(total / 60)).padStart(2, "0")}:${String(total % 60).padStart(2, "0")}`;
}

/** Pause lets what is at work finish; a paused run goes on where it stopped. */
function PauseButton({ run }: { run: RunView }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const isPaused = run.state === "paused";
  const change = useMutation({
    mutationFn: () => runCommand(workspaceId, run.id, isPaused ? "resume" : "pause"),
    onError: tellProblem,
  });
  return (
    <button
      type="button"
      className={classes.outlined}
      disabled={change.isPending || change.isSuccess}
      data-testid={isPaused ? "resume-run" : "pause-run"}
      onClick={() => change.mutate()}
    >
      <Icon name={isPaused ? "play" : "pause"} size={13} />
      {isPaused ? t("run.resume") : change.isSuccess ? t("run.pausing") : t("run.pause")}
    </button>
  );
}

function CancelButton({ run }: { run: RunView }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const cancel = useMutation({
    mutationFn: () => runCommand(workspaceId, run.id, "cancel"),
    onError: tellProblem,
  });
  return (
    <button
      type="button"
      className={classes.outlined}
      disabled={cancel.isPending || cancel.isSuccess}
      data-testid="cancel-run"
      onClick={() => cancel.mutate()}
    >
      <Icon name="stop" size={13} />
      {cancel.isSuccess ? t("run.cancelling") : t("run.cancel")}
    </button>
  );
}

/** A failed run again, from the node that failed, on the flow as it is drawn now. */
function RedriveItem() {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const run = useRuns(shownRun);
  const redrive = useMutation({
    mutationFn: (runId: string) => runRedrive(workspaceId, runId, "current"),
    onError: tellProblem,
    onSuccess: () => tell(t("run.redriven")),
  });
  return (
    <Menu.Item
      leftSection={<Icon name="retry" />}
      disabled={run?.state !== "failed"}
      data-testid="redrive"
      onClick={() => run && redrive.mutate(run.id)}
    >
      {t("run.redrive")}
    </Menu.Item>
  );
}

function RunButton({ onRun }: { onRun: () => void }) {
  const { ui } = useEditor();
  const t = useText(editorText);
  const word = useText(debugText);
  const errors = useIssues((index) => index.all).filter((issue) => issue.severity === "error").length;
  const run = (isDebugged: boolean): void => {
    ui.setState({ debugNextRun: isDebugged });
    onRun();
  };
  return (
    <span className={classes.split}>
      <Tooltip label={errors > 0 ? t("run.problems", { count: errors }) : t("run.help")}>
        <button type="button" className={classes.run} onClick={() => run(false)} data-testid="run">
          <Icon name="play" size={13} />
          {t("run")}
          {errors > 0 && <span className={classes.runProblems}>{errors}</span>}
        </button>
      </Tooltip>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <button type="button" className={classes.run} aria-label={t("run.more")}>
            <Icon name="chevron-down" size={13} />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="search" />} data-testid="run-debug" onClick={() => run(true)}>
            {word("run.debug")}
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="play" />}
            onClick={() => ui.setState({ runDialogOpen: true, debugNextRun: false })}
          >
            {t("run.with_inputs")}
          </Menu.Item>
          <RedriveItem />
          <Menu.Item
            leftSection={<Icon name="warning" />}
            onClick={() => ui.setState({ drawerOpen: true, drawerTab: "problems" })}
          >
            {t("run.show_problems")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}
