/** A connection: quiet when idle, live while data passes, with the number of items in its middle. */
import { BaseEdge, EdgeLabelRenderer, type EdgeProps, type Edge as XyEdge } from "@xyflow/react";
import { memo } from "react";
import type { FlowEdge } from "@/flow-core";
import { formatNumber, useText } from "@/i18n";
import { useIssues, useRuns } from "../../stores/context";
import { type RunsState, shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import { edgePath } from "./edge-path";
import classes from "./flow-edge.module.css";

export type CanvasEdge = XyEdge<{ edge: FlowEdge }, "flow">;
type EdgeLook = "idle" | "done" | "live" | "skip" | "failed";

function FlowEdgeView(props: EdgeProps<CanvasEdge>) {
  const { id, data, selected } = props;
  const edge = data?.edge;
  const { path, labelX, labelY } = edgePath(props);
  const look = useRuns((state) => (edge ? lookOf(state, edge) : "idle"));
  const items = useRuns((state) =>
    edge && (look === "done" || look === "live") ? itemsOf(state, edge) : null,
  );
  const issue = useIssues((index) => index.byEdge.get(id));
  const t = useText(editorText);
  const label = issue
    ? issue.kind === "edge.type"
      ? `${issue.values.from} → ${issue.values.to}`
      : t("edge.problem")
    : look === "failed"
      ? "0"
      : items === null
        ? null
        : formatNumber(items);
  return (
    <>
      <BaseEdge
        id={id}
        path={path}
        interactionWidth={16}
        className={classes.edge ?? ""}
        data-look={issue ? "bad" : look}
        data-selected={selected || undefined}
      />
      {label !== null && (
        <EdgeLabelRenderer>
          <span
            className={classes.label}
            data-look={issue ? "bad" : look}
            style={{ transform: `translate(-50%, -50%) translate(${labelX}px, ${labelY}px)` }}
          >
            {label}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

export const FlowEdgeLine = memo(FlowEdgeView);

function lookOf(state: RunsState, edge: FlowEdge): EdgeLook {
  const run = shownRun(state);
  const source = run?.nodes.get(edge.source);
  const target = run?.nodes.get(edge.target);
  if (!run || !source) return "idle";
  // Inside a container a connection carries something every round, whatever the container itself gave.
  if (target && target.rounds > 0) return target.state === "running" ? "live" : "done";
  if (source.state === "skipped") return "skip";
  if (source.state === "failed") return edge.source_port === "error" ? "done" : "failed";
  if (source.state !== "completed") return "idle";
  if (source.ports && !(edge.source_port in source.ports)) return "skip";
  if (!source.ports && target?.state === "skipped") return "skip";
  return target?.state === "running" || target?.state === "queued" ? "live" : "done";
}

function itemsOf(state: RunsState, edge: FlowEdge): number | null {
  const source = shownRun(state)?.nodes.get(edge.source);
  return source?.ports?.[edge.source_port] ?? source?.items ?? null;
}
