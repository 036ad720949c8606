/** Under a field with an expression: what it gives with the values of the shown run. */
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useText } from "@/i18n";
import { asProblem } from "@/lib/api";
import { expressionTryQuery } from "../../api/expressions";
import { useNodeName } from "../../hooks/use-node-name";
import { useEditor, useRuns } from "../../stores/context";
import { shownRun } from "../../stores/run-store";
import { editorText } from "../../text";
import classes from "./inspector.module.css";
import { sourcesOf } from "./use-sources";

const PAUSE_MS = 400;

type Props = {
  nodeId: string;
  text: string;
  perItem: boolean;
  /** The field says already what is wrong with its text. */
  isFaulty: boolean;
};

export function LiveValue({ nodeId, text, perItem, isFaulty }: Props) {
  const { workspaceId, live } = useEditor();
  const t = useText(editorText);
  const runId = useRuns((state) => shownRun(state)?.id ?? null);
  const [settled] = useDebouncedValue(text, PAUSE_MS);
  const sources = sourcesOf(nodeId, perItem, live.snapshot);
  const query = useQuery({
    ...expressionTryQuery(workspaceId, { text: settled, run_id: runId, ...sources }),
    enabled: runId !== null,
    placeholderData: keepPreviousData,
  });
  const missing = useNodeName(query.data?.missing[0] ?? "");
  if (runId === null || (query.error && isFaulty)) return null;
  if (query.error) {
    return (
      <p className={classes.live} data-failed="" data-testid="live-value">
        {asProblem(query.error).message}
      </p>
    );
  }
  if (!query.data) return null;
  if (query.data.missing.length > 0) {
    const name = missing || query.data.missing[0] || "";
    return (
      <p className={classes.live} data-testid="live-value">
        {t("live.missing", { name })}
      </p>
    );
  }
  return (
    <p className={classes.live} data-testid="live-value" data-stale={query.isPlaceholderData || undefined}>
      <span>{t(perItem ? "live.first" : "live.value")}</span>{" "}
      <code>
        {query.data.shown}
        {query.data.is_cut && "…"}
      </code>
    </p>
  );
}
