/** Every problem of the flow; a click goes there, a safe fix is one more click. */
import { useMutation } from "@tanstack/react-query";
import { useReactFlow } from "@xyflow/react";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { flowPatch } from "../../api/commands";
import { useIssueText } from "../../hooks/use-issue-text";
import { useNodeName } from "../../hooks/use-node-name";
import { useView } from "../../hooks/use-view";
import { useCanEdit, useEditor, useIssues } from "../../stores/context";
import type { Issue } from "../../stores/issues";
import { editorText } from "../../text";
import classes from "./drawer.module.css";

export function Problems() {
  const all = useIssues((index) => index.all);
  const t = useText(editorText);
  if (all.length === 0) {
    return (
      <p className={classes.empty}>
        <Icon name="check" /> {t("problems.none")}
      </p>
    );
  }
  return (
    <ul className={classes.list} data-testid="problem-list">
      {all.map((issue) => (
        <ProblemRow key={issue.key} issue={issue} />
      ))}
    </ul>
  );
}

function ProblemRow({ issue }: { issue: Issue }) {
  const words = useIssueText();
  const go = useGoTo();
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const name = useNodeName(issue.nodeId);
  const text = words(issue);
  return (
    <li className={classes.problem} data-severity={issue.severity}>
      <button type="button" className={classes.problemMain} onClick={() => go(issue)}>
        <Icon name="warning" size={13} />
        <b>{name || t("problems.flow")}</b>
        <span className="cut" title={[text.message, text.hint].filter(Boolean).join(" ")}>
          {text.message} {text.hint && <span className="muted">{text.hint}</span>}
        </span>
      </button>
      {canEdit && issue.fix && <FixButton issue={issue} />}
    </li>
  );
}

function FixButton({ issue }: { issue: Issue }) {
  const { operations, undo, workspaceId, flowId } = useEditor();
  const t = useText(editorText);
  const patch = useMutation({
    mutationFn: () =>
      flowPatch(
        workspaceId,
        flowId,
        issue.fix?.kind === "patch" ? issue.fix.operations : [],
        t("problems.fix"),
      ),
    onError: tellProblem,
  });
  const fix = (): void => {
    if (issue.fix?.kind === "remove_edge") {
      undo.cut();
      operations.remove({ edges: [issue.fix.edgeId] });
      undo.cut();
    } else patch.mutate();
  };
  return (
    <button type="button" className={classes.small} onClick={fix} disabled={patch.isPending}>
      {issue.fix?.kind === "remove_edge" ? t("problems.remove_edge") : t("problems.fix")}
    </button>
  );
}

/** Selects the place of a problem, brings it into view and opens the field. */
export function useGoTo(): (issue: Pick<Issue, "nodeId" | "edgeId" | "field">) => void {
  const { ui } = useEditor();
  const flow = useReactFlow();
  const view = useView();
  return ({ nodeId, edgeId, field }) => {
    ui.setState({
      selected: new Set(nodeId ? [nodeId] : []),
      selectedEdges: new Set(edgeId ? [edgeId] : []),
      ...(nodeId && field
        ? { inspectorTab: "parameters" as const, focusField: { node: nodeId, field } }
        : {}),
    });
    if (nodeId)
      view.fit({
        nodes: [{ id: nodeId }],
        maxZoom: Math.max(0.8, flow.getZoom()),
        duration: 240,
        padding: 0.6,
      });
  };
}
