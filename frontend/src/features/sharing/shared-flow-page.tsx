/** Where a read-only link lands: the drawing of one flow, for people without an account. */
import { Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import {
  Background,
  BackgroundVariant,
  Controls,
  Handle,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useMemo } from "react";
import { Brand } from "@/components/brand";
import { Chip } from "@/components/chip";
import { EmptyState } from "@/components/empty-state";
import { LanguageSwitch } from "@/components/language-switch";
import { NodeTile } from "@/components/node-tile";
import { usePageTitle } from "@/components/page";
import { ProblemBlock } from "@/components/problem-view";
import { formatDate, formatTime, useLanguage, useText } from "@/i18n";
import type { SharedFlow } from "@/lib/api";
import { isGone, sharedFlowQuery } from "./api";
import { type Box, type Card, drawnEdges, drawnNodes, type Note } from "./drawing";
import classes from "./sharing.module.css";
import { sharingText } from "./text";

const nodeTypes = { card: CardView, box: BoxView, note: NoteView };

export function SharedFlowPage({ token }: { token: string }) {
  const t = useText(sharingText);
  const query = useQuery(sharedFlowQuery(token));
  usePageTitle(query.data?.name ?? t("readOnly"));
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        <Link to="/" aria-label={t("home")}>
          <Brand />
        </Link>
        <h1 className="cut">{query.data ? query.data.name || t("untitled") : ""}</h1>
        <Tooltip label={t("readOnly.help")} multiline maw={280}>
          <span>
            <Chip>{t("readOnly")}</Chip>
          </span>
        </Tooltip>
        <span className={classes.space} />
        {query.data && <Facts flow={query.data} />}
        <LanguageSwitch />
      </header>
      <main className={classes.main}>
        {query.data && !isGone(query.error) ? (
          <Drawing flow={query.data} />
        ) : query.error ? (
          <Gone error={query.error} />
        ) : (
          <Skeleton />
        )}
      </main>
    </div>
  );
}

function Facts({ flow }: { flow: SharedFlow }) {
  const t = useText(sharingText);
  return (
    <span className={classes.facts}>
      {t("updated", { time: formatTime(flow.updated_at) })}
      {flow.expires_at && ` · ${t("until", { date: formatDate(flow.expires_at) })}`}
    </span>
  );
}

function Gone({ error }: { error: unknown }) {
  const t = useText(sharingText);
  if (!isGone(error)) return <ProblemBlock error={error} />;
  return (
    <EmptyState icon="link-off" title={t("gone")}>
      {t("gone.lead")}
    </EmptyState>
  );
}

function Drawing({ flow }: { flow: SharedFlow }) {
  const t = useText(sharingText);
  const language = useLanguage();
  const nodes = useMemo(() => drawnNodes(flow, language), [flow, language]);
  const edges = useMemo(() => drawnEdges(flow), [flow]);
  if (nodes.length === 0) return <EmptyState icon="flow" title={t("empty")} />;
  return (
    <ReactFlow
      className={classes.canvas ?? ""}
      data-testid="shared-canvas"
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      fitView
      fitViewOptions={{ padding: 0.15, maxZoom: 1 }}
      minZoom={0.1}
      maxZoom={2}
      panOnScroll
      proOptions={{ hideAttribution: true }}
      aria-label={t("canvas")}
      ariaLabelConfig={{
        "controls.ariaLabel": t("controls"),
        "controls.zoomIn.ariaLabel": t("zoomIn"),
        "controls.zoomOut.ariaLabel": t("zoomOut"),
        "controls.fitView.ariaLabel": t("fit"),
      }}
    >
      <Background variant={BackgroundVariant.Dots} gap={16} size={1} color="var(--canvas-dot)" />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

function Ends() {
  return (
    <>
      <Handle type="target" position={Position.Left} className={classes.end} isConnectable={false} />
      <Handle type="source" position={Position.Right} className={classes.end} isConnectable={false} />
    </>
  );
}

function CardView({ data }: NodeProps<Card>) {
  return (
    <div className={`${classes.card} cat-${data.category}`} data-disabled={data.disabled || undefined}>
      <NodeTile icon={data.icon} category={data.category} size={24} />
      <span>
        <b className="cut">{data.name}</b>
        <small className="cut">{data.typeName}</small>
      </span>
      <Ends />
    </div>
  );
}

function BoxView({ data }: NodeProps<Box>) {
  return (
    <div className={`${classes.box} cat-${data.category}`}>
      <b className="cut">{data.name}</b>
      <Ends />
    </div>
  );
}

function NoteView({ data }: NodeProps<Note>) {
  return <div className={classes.note}>{data.text}</div>;
}
