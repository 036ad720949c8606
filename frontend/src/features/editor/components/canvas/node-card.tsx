/** One node on the canvas. Level of detail is CSS alone, so zooming renders nothing again. */
import { Handle, type NodeProps, Position, type Node as XyNode } from "@xyflow/react";
import { memo } from "react";
import { Icon } from "@/components/icon";
import { StateRing } from "@/components/state-ring";
import { colorOf, type FlowNode, type NodeSpec, type Peer, portLook } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useLocalText } from "../../hooks/use-local-text";
import { useCatalogue, useEditor, useIssues, usePresence, useRuns, useUi } from "../../stores/context";
import { nodeRun } from "../../stores/run-store";
import { editorText } from "../../text";
import { BreakpointButton } from "../debug/breakpoint-button";
import { NodeTile } from "../node-icon";
import classes from "./node-card.module.css";
import { NodeFooter } from "./node-footer";
import type { PlacedPort } from "./ports";
import { summaryOf } from "./summary";

export type CardNode = XyNode<{ node: FlowNode; ports: readonly PlacedPort[]; height: number }, "card">;

function NodeCardView({ id, data, selected, isConnectable }: NodeProps<CardNode>) {
  const { node, ports, height } = data;
  const spec = useCatalogue().get(node.type);
  const t = useText(editorText);
  const local = useLocalText();
  const run = useRuns((state) => nodeRun(state, id));
  const peer = usePresence((state) => state.selections.get(id));
  const problems = useIssues((index) => index.byNode.get(id));
  const renaming = useUi((state) => state.renaming === id);
  const state = node.disabled ? "disabled" : run?.cached ? "cached" : (run?.state ?? "pending");
  const name = node.name || local(spec?.name) || node.type;
  const progress = run?.state === "running" ? shareOf(run.progress) : null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a card is a named group, not a set of form fields.
    <div
      className={`${classes.card} cat-${spec?.category ?? "utility"}`}
      style={{ height, ...(peer && !selected ? { "--u": colorOf(peer.user) } : {}) } as React.CSSProperties}
      data-state={state}
      data-selected={selected || undefined}
      data-peer={peer && !selected ? true : undefined}
      data-testid={`node-${id}`}
      data-node-type={node.type}
      role="group"
      aria-label={t("node.aria", { name, state: t(`state.${state}`) })}
    >
      <PeerTag id={id} spec={spec} selectedBy={selected ? undefined : peer} />
      <div className={classes.head}>
        <NodeTile spec={spec} />
        <div className={classes.title}>
          {renaming ? (
            <RenameBox id={id} name={name} />
          ) : (
            <b className={classes.name} title={name}>
              {name}
            </b>
          )}
          <span className={classes.summary}>{summaryOf(node, spec, local)}</span>
        </div>
        <span className={classes.sign}>
          {node.disabled ? (
            <Icon name="stop" size={16} />
          ) : (
            <StateRing state={ringOf(state)} progress={progress} size={18} />
          )}
        </span>
      </div>
      <NodeFooter node={node} run={run} problems={problems?.length ?? 0} />
      {run?.state === "running" && (
        <span className={classes.bar} data-unknown={progress === null || undefined}>
          <span style={{ width: `${(progress ?? 0.3) * 100}%` }} />
        </span>
      )}
      <span className={classes.dot} aria-hidden="true" />
      <BreakpointButton nodeId={id} />
      {ports.map((port) => (
        <PortHandle key={`${port.side}:${port.spec.name}`} port={port} enabled={isConnectable} />
      ))}
    </div>
  );
}

export const NodeCard = memo(NodeCardView);

/** Who else has the node selected, and which of its fields is being edited. */
export function PeerTag({
  id,
  spec,
  selectedBy,
}: {
  id: string;
  spec: NodeSpec | undefined;
  selectedBy: Peer | undefined;
}) {
  const t = useText(collabText);
  const local = useLocalText();
  const editor = usePresence((state) => state.editingNode.get(id));
  const peer = editor ?? selectedBy;
  if (!peer) return null;
  const { name } = peer.user;
  const key = editor?.editing?.field;
  const field = local(spec?.config.find((item) => item.name === key)?.label) || key || "";
  return (
    <span
      className={classes.tag}
      style={{ "--u": colorOf(peer.user) } as React.CSSProperties}
      data-testid={`peer-tag-${id}`}
    >
      {editor ? t("people.edits", { name, field }) : name}
    </span>
  );
}

export function PortHandle({ port, enabled }: { port: PlacedPort; enabled: boolean }) {
  const local = useLocalText();
  const look = portLook(port.spec.type);
  const label = local(port.spec.label) || port.spec.name;
  const position = port.optional ? Position.Bottom : port.side === "source" ? Position.Right : Position.Left;
  return (
    <Handle
      id={port.spec.name}
      type={port.side}
      position={position}
      isConnectable={enabled}
      className={classes.port}
      data-shape={look.shape}
      data-optional={port.optional || undefined}
      data-testid={`port-${port.side === "source" ? "out" : "in"}-${port.spec.name}`}
      aria-label={`${label} (${port.spec.type})`}
      data-label={`${label} · ${port.spec.type}${port.spec.required ? " *" : ""}`}
      data-side={port.optional ? "bottom" : port.side}
      style={{ left: port.x, top: port.y, "--p": look.color } as React.CSSProperties}
    />
  );
}

export function RenameBox({ id, name }: { id: string; name: string }) {
  const { operations, ui, undo } = useEditor();
  const t = useText(editorText);
  const done = (value: string | null): void => {
    ui.setState({ renaming: null });
    if (value === null || value.trim() === name) return;
    undo.cut();
    operations.setNode([id], "name", value.trim().slice(0, 200));
  };
  return (
    <input
      className={`${classes.rename} nodrag nopan`}
      defaultValue={name}
      aria-label={t("node.rename")}
      maxLength={200}
      // biome-ignore lint/a11y/noAutofocus: the box appears because the person asked to type here.
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={(event) => done(event.target.value)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") done(event.currentTarget.value);
        if (event.key === "Escape") done(null);
      }}
    />
  );
}

function shareOf(progress: { done: number; total: number | null } | null): number | null {
  if (!progress?.total) return null;
  return Math.max(0.02, Math.min(1, progress.done / progress.total));
}

export function ringOf(state: string) {
  return state === "disabled"
    ? "pending"
    : (state as Exclude<Parameters<typeof StateRing>[0]["state"], never>);
}
