import { Button, JsonInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { JsonView } from "@/components/json-view";
import { ProblemNote } from "@/components/problem-view";
import { formatDuration, useText } from "@/i18n";
import { ApiProblem, type Json, type NodeSpec, type RunDetail } from "@/lib/api";
import { triedOutputQuery, triedQuery, useNodeTry } from "../api";
import classes from "../library.module.css";
import { libraryText } from "../text";

type Props = { workspaceId: string; spec: NodeSpec; canTry: boolean };
type Values = Record<string, Json>;

function objectOf(text: string): Values | null {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : null;
  } catch {
    return null;
  }
}

const written = (value: Values | undefined): string => JSON.stringify(value ?? {}, null, 2);

/** The example's inputs as a try takes them: a port of several connections gets a list of values, while the
 * example names the node that each value comes from. */
function givenInputs(spec: NodeSpec): Values {
  const given = { ...spec.example?.inputs };
  for (const port of spec.inputs) {
    const pairs = given[port.name];
    if (port.multiple && Array.isArray(pairs)) {
      given[port.name] = pairs.map((pair) => (Array.isArray(pair) ? (pair[1] ?? null) : pair));
    }
  }
  return given;
}

/** Runs the node on its example or on what the person writes. */
export function TryNode({ workspaceId, spec, canTry }: Props) {
  const t = useText(libraryText);
  const [config, setConfig] = useState(written(spec.example?.config));
  const [inputs, setInputs] = useState(written(givenInputs(spec)));
  const start = useNodeTry(workspaceId);
  const values = { config: objectOf(config), inputs: objectOf(inputs) };
  if (spec.trigger || spec.category === "control") return <p className="muted">{t("try.steering")}</p>;
  if (!canTry) return <p className="muted">{t("try.viewer")}</p>;
  const run = () => {
    if (values.config && values.inputs) {
      start.mutate({ type: spec.id, config: values.config, inputs: values.inputs });
    }
  };
  return (
    <div className={classes.attempt}>
      <p className="muted">{t("try.lead")}</p>
      <div className={classes.parts}>
        <JsonInput
          label={t("try.config")}
          value={config}
          onChange={setConfig}
          autosize
          minRows={4}
          maxRows={18}
          error={values.config ? null : t("try.bad_json")}
        />
        <JsonInput
          label={t("try.inputs")}
          value={inputs}
          onChange={setInputs}
          autosize
          minRows={4}
          maxRows={18}
          error={values.inputs ? null : t("try.bad_json")}
        />
      </div>
      <Button
        leftSection={<Icon name="play" />}
        loading={start.isPending}
        disabled={!values.config || !values.inputs}
        onClick={run}
      >
        {t("try.run")}
      </Button>
      {start.error && <ProblemNote error={start.error} />}
      {start.data && <Outcome key={start.data.id} workspaceId={workspaceId} runId={start.data.id} />}
    </div>
  );
}

function Outcome({ workspaceId, runId }: { workspaceId: string; runId: string }) {
  const t = useText(libraryText);
  const run = useQuery(triedQuery(workspaceId, runId));
  const state = run.data?.state;
  const hasEnded = state === "completed" || state === "failed" || state === "cancelled";
  const output = useQuery({ ...triedOutputQuery(workspaceId, runId), enabled: hasEnded });
  if (run.error) return <ProblemNote error={run.error} />;
  return (
    <section className={classes.result} aria-live="polite">
      <h3>
        {t("try.result")}
        <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: runId }}>
          {t("try.open")}
        </Link>
      </h3>
      {!hasEnded && <p className="muted">{t(state === "paused" ? "try.paused" : "try.running")}</p>}
      {run.data?.error && <ProblemNote error={problemOf(run.data)} />}
      {output.data && state === "completed" && (
        <>
          <p className="muted">{t("try.done", { time: formatDuration(run.data?.duration_ms ?? 0) })}</p>
          <JsonView value={output.data.outputs ?? {}} label={t("try.result")} />
        </>
      )}
    </section>
  );
}

function problemOf(run: RunDetail): ApiProblem {
  return new ApiProblem({
    code: run.error?.code ?? "",
    title: run.error?.message ?? "",
    hint: run.error?.hint ?? "",
    status: 422,
  });
}
