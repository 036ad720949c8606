/** The right panel: what the selected node is set to, what came in and what went out. */
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import type { FlowNode, NodeSpec } from "@/flow-core";
import { formatNumber, useText } from "@/i18n";
import { useLocalText } from "../../hooks/use-local-text";
import { useNodeSpec } from "../../hooks/use-node-spec";
import { useCanEdit, useEditor, useFlow, useRuns, useUi } from "../../stores/context";
import { nodeRun } from "../../stores/run-store";
import { type InspectorTab, select, singleSelection } from "../../stores/ui-store";
import { editorText } from "../../text";
import { NodeTile } from "../node-icon";
import { DataPane } from "./data-pane";
import { GoneNode } from "./gone-node";
import classes from "./inspector.module.css";
import { NodeMenu } from "./node-menu";
import { Parameters } from "./parameters";

export function Inspector() {
  const id = useUi(singleSelection);
  const node = useFlow((flow) => (id ? flow.nodesById.get(id) : undefined));
  const spec = useNodeSpec(node);
  const t = useText(editorText);
  if (!node) return id ? <GoneNode id={id} /> : null;
  return (
    <aside className={classes.inspector} aria-label={t("inspector")} data-testid="inspector">
      <Header node={node} spec={spec} />
      <Tabs key={node.id} node={node} spec={spec} />
    </aside>
  );
}

function Header({ node, spec }: { node: FlowNode; spec: NodeSpec | undefined }) {
  const { ui, workspaceId } = useEditor();
  const t = useText(editorText);
  const local = useLocalText();
  const canEdit = useCanEdit();
  const name = node.name || local(spec?.name) || node.type;
  return (
    <header className={classes.header}>
      <NodeTile spec={spec} size={28} />
      <div className={classes.names}>
        <b className="cut" title={name}>
          {name}
        </b>
        <span className="cut">
          {local(spec?.name) || node.type} · <span className="mono">{node.id}</span>
        </span>
      </div>
      {spec && (
        <Link
          to="/w/$ws/library/$type"
          params={{ ws: workspaceId, type: spec.id }}
          className={classes.iconButton}
          aria-label={t("node.about")}
          title={t("node.about")}
        >
          <Icon name="help" />
        </Link>
      )}
      {canEdit && <NodeMenu node={node} />}
      <button
        type="button"
        className={classes.iconButton}
        aria-label={t("inspector.close")}
        onClick={() => select(ui, [])}
      >
        <Icon name="close" />
      </button>
    </header>
  );
}

function Tabs({ node, spec }: { node: FlowNode; spec: NodeSpec | undefined }) {
  const { ui } = useEditor();
  const tab = useUi((state) => state.inspectorTab);
  const t = useText(editorText);
  const counts = useCounts(node);
  const tabs: { id: InspectorTab; label: string; count: string }[] = [
    { id: "parameters", label: t("tab.parameters"), count: "" },
    { id: "input", label: t("tab.input"), count: counts.input },
    { id: "output", label: t("tab.output"), count: counts.output },
  ];
  return (
    <>
      <div className={classes.tabs} role="tablist" aria-label={t("inspector")}>
        {tabs.map(({ id, label, count }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`inspector-tab-${id}`}
            aria-selected={tab === id}
            aria-controls="inspector-panel"
            onClick={() => ui.setState({ inspectorTab: id })}
          >
            {label}
            {count && <span className={classes.count}>{count}</span>}
          </button>
        ))}
      </div>
      <div
        className={classes.body}
        role="tabpanel"
        id="inspector-panel"
        aria-labelledby={`inspector-tab-${tab}`}
        data-tab={tab}
      >
        {tab === "parameters" ? <Parameters node={node} spec={spec} /> : <DataPane node={node} side={tab} />}
      </div>
    </>
  );
}

function useCounts(node: FlowNode): { input: string; output: string } {
  const t = useText(editorText);
  const run = useRuns((state) => nodeRun(state, node.id));
  if (run?.state === "running") return { input: "", output: t("live") };
  return { input: "", output: run?.items ? formatNumber(run.items) : "" };
}
