/** A container on the canvas: its head is a card's, its body holds the nodes it runs. */
import { type NodeProps, NodeResizeControl, type Node as XyNode } from "@xyflow/react";
import { memo } from "react";
import { StateRing } from "@/components/state-ring";
import { CONTAINER_MIN, colorOf, type FlowNode } from "@/flow-core";
import { useText } from "@/i18n";
import { useLocalText } from "../../hooks/use-local-text";
import { useCatalogue, useEditor, useIssues, usePresence, useRuns, useUi } from "../../stores/context";
import { nodeRun } from "../../stores/run-store";
import { editorText } from "../../text";
import { BreakpointButton } from "../debug/breakpoint-button";
import { NodeTile } from "../node-icon";
import classes from "./container-card.module.css";
import { PeerTag, PortHandle, RenameBox, ringOf } from "./node-card";
import { NodeFooter } from "./node-footer";
import type { PlacedPort } from "./ports";
import { summaryOf } from "./summary";

export type ContainerNode = XyNode<
  {
    node: FlowNode;
    ports: readonly PlacedPort[];
    head: number;
    width: number;
    height: number;
    isEmpty: boolean;
  },
  "container"
>;

function ContainerCardView({ id, data, selected, isConnectable }: NodeProps<ContainerNode>) {
  const { node, ports, head, width, height, isEmpty } = data;
  const { operations, undo, ui } = useEditor();
  const spec = useCatalogue().get(node.type);
  const t = useText(editorText);
  const local = useLocalText();
  const run = useRuns((state) => nodeRun(state, id));
  const peer = usePresence((state) => state.selections.get(id));
  const problems = useIssues((index) => index.byNode.get(id));
  const renaming = useUi((state) => state.renaming === id);
  const isTarget = useUi((state) => state.dropInto === id);
  const state = node.disabled ? "disabled" : (run?.state ?? "pending");
  const name = node.name || local(spec?.name) || node.type;
  const tint = peer && !selected ? { "--u": colorOf(peer.user) } : {};
  return (
    // biome-ignore lint/a11y/useSemanticElements: a container is a named group, not a set of form fields.
    <div
      className={`${classes.container} cat-${spec?.category ?? "control"}`}
      style={{ width, height, ...tint } as React.CSSProperties}
      data-state={state}
      data-selected={selected || undefined}
      data-target={isTarget || undefined}
      data-peer={peer && !selected ? true : undefined}
      data-testid={`node-${id}`}
      data-container
      data-node-type={node.type}
      role="group"
      aria-label={t("node.aria", { name, state: t(`state.${state}`) })}
    >
      <PeerTag id={id} spec={spec} selectedBy={selected ? undefined : peer} />
      <BreakpointButton nodeId={id} />
      <div className={classes.head} style={{ height: head }}>
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
        <NodeFooter node={node} run={run} problems={problems?.length ?? 0} />
        <StateRing state={ringOf(state)} progress={null} size={16} />
      </div>
      <div className={classes.body} style={{ top: head }} data-container-body={id}>
        {isEmpty && <span className={classes.hint}>{t("container.empty")}</span>}
      </div>
      {ports.map((port) => (
        <PortHandle
          key={`${port.inner ? "inner" : "outer"}:${port.side}:${port.spec.name}`}
          port={port}
          enabled={isConnectable}
        />
      ))}
      {ports
        .filter((port) => port.inner)
        .map((port) => (
          <span
            key={`name:${port.side}:${port.spec.name}`}
            className={classes.port}
            data-side={port.side}
            style={{
              top: port.y,
              ...(port.side === "source" ? { left: port.x } : { right: width - port.x }),
            }}
            aria-hidden="true"
          >
            {local(port.spec.label) || port.spec.name}
          </span>
        ))}
      {selected && isConnectable && (
        <NodeResizeControl
          position="bottom-right"
          minWidth={CONTAINER_MIN[0]}
          minHeight={CONTAINER_MIN[1]}
          className={classes.resize ?? ""}
          onResizeEnd={(_, size) => {
            undo.cut();
            operations.setNode([id], "size", [Math.round(size.width), Math.round(size.height)]);
            undo.cut();
            ui.setState({ resizing: null });
          }}
        />
      )}
    </div>
  );
}

export const ContainerCard = memo(ContainerCardView);
