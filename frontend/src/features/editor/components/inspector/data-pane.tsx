/** What came into a node and what it gave in the shown run, as a table or as JSON. */
import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { JsonView } from "@/components/json-view";
import { ProblemBlock } from "@/components/problem-view";
import { type FlowNode, isObject, type Json } from "@/flow-core";
import { formatBytes, useText } from "@/i18n";
import { workspacePath } from "@/lib/api";
import { nodeRunQuery } from "../../api/queries";
import { useNodeRunId } from "../../hooks/use-node-run-id";
import { useEditor, useRuns } from "../../stores/context";
import { nodeRun, shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import { DataTable, isTable } from "./data-table";
import classes from "./inspector.module.css";
import { NodeFailure } from "./node-failure";

type Props = { node: FlowNode; side: "input" | "output" };

export function DataPane({ node, side }: Props) {
  const t = useText(editorText);
  const runId = useRuns((state) => shownRun(state)?.id ?? null);
  const state = useRuns((runs) => nodeRun(runs, node.id)?.state ?? null);
  if (!runId || !state || state === "pending" || state === "queued") {
    return <p className={classes.nothing}>{t(runId ? "data.not_yet" : "data.no_run")}</p>;
  }
  if (state === "running") return <p className={classes.nothing}>{t("data.running")}</p>;
  if (state === "skipped") return <p className={classes.nothing}>{t("data.skipped")}</p>;
  return (
    <div className={classes.data} data-testid={`data-${side}`}>
      {side === "output" && <NodeFailure nodeId={node.id} />}
      <PortValues node={node} side={side} runId={runId} />
    </div>
  );
}

function PortValues({ node, side, runId }: Props & { runId: string }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const { query: rows, id } = useNodeRunId(workspaceId, runId, node.id, true);
  const detail = useQuery({ ...nodeRunQuery(workspaceId, runId, id ?? ""), enabled: id !== null });
  const error = rows.error ?? detail.error;
  if (error) {
    return (
      <ProblemBlock error={error} onRetry={() => void (rows.error ? rows.refetch() : detail.refetch())} />
    );
  }
  if (id === null && rows.isSuccess) return node.parent ? <InRounds runId={runId} /> : null;
  if (!detail.data) return <Skeleton height={120} />;
  const values = side === "input" ? detail.data.inputs : detail.data.outputs;
  const ports = isObject(values) ? Object.entries(values) : [];
  if (ports.length === 0)
    return <p className={classes.nothing}>{t(side === "input" ? "data.no_input" : "data.no_output")}</p>;
  return (
    <>
      {ports.map(([port, value]) => (
        <PortValue key={port} port={port} value={value} />
      ))}
    </>
  );
}

/** A node of a container has values of its own in every round; they are unfolded on the run's page. */
function InRounds({ runId }: { runId: string }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  return (
    <p className={classes.nothing}>
      {t("data.rounds")}{" "}
      <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: runId }}>
        {t("data.rounds.open")}
      </Link>
    </p>
  );
}

function PortValue({ port, value }: { port: string; value: Json }) {
  const t = useText(editorText);
  const { shown, reference } = unwrapped(value);
  const tabular = isTable(shown);
  const [view, setView] = useState<"table" | "json">(tabular ? "table" : "json");
  return (
    <section className={classes.port}>
      <header>
        <b className="mono">{port}</b>
        <span className="muted num">{sizeOf(shown, reference, t)}</span>
        {tabular && (
          <span className={classes.segments} role="radiogroup" aria-label={t("data.view")}>
            {(["table", "json"] as const).map((kind) => (
              // biome-ignore lint/a11y/useSemanticElements: two small segments, styled as one control.
              <button
                key={kind}
                type="button"
                role="radio"
                aria-checked={view === kind}
                onClick={() => setView(kind)}
              >
                {t(`data.${kind}`)}
              </button>
            ))}
          </span>
        )}
      </header>
      {reference && <BlobNote reference={reference} />}
      {shown !== undefined &&
        (view === "table" && tabular ? <DataTable rows={shown} /> : <JsonView value={shown} label={port} />)}
    </section>
  );
}

type Reference = { key: string; sizeBytes: number; name: string };

/** A big value is a reference with a preview beside it. */
function unwrapped(value: Json): { shown: Json | undefined; reference: Reference | null } {
  if (!isObject(value) || typeof value.$blob !== "string") return { shown: value, reference: null };
  const reference = {
    key: value.$blob,
    sizeBytes: Number(value.size_bytes ?? 0),
    name: typeof value.name === "string" ? value.name : "",
  };
  return { shown: value.preview, reference };
}

function BlobNote({ reference }: { reference: Reference }) {
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  return (
    <p className={classes.blob}>
      {t("data.big", { size: formatBytes(reference.sizeBytes) })}{" "}
      <a href={workspacePath(workspaceId, `/blobs/${reference.key.replace(/^sha256:/, "")}`)} download>
        <Icon name="download" size={12} style={{ display: "inline", verticalAlign: "-2px" }} />{" "}
        {t("data.download")}
      </a>
    </p>
  );
}

type Words = (key: "items", values?: Record<string, string | number>) => string;

function sizeOf(value: Json | undefined, reference: Reference | null, t: Words): string {
  if (reference) return formatBytes(reference.sizeBytes);
  if (Array.isArray(value)) return t("items", { count: value.length, shown: value.length });
  return "";
}
