/** Finds the problems of the flow: at once what the browser can see, the server's once it has the change. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { NodeTypes } from "@/flow-core";
import { problemsQuery } from "../api/queries";
import { useConnectionState, useEditor, useFlow } from "../stores/context";
import { putIssues } from "../stores/issue-store";
import { findIssues, mergeIssues } from "../stores/issues";

const PAUSE_MS = 700;
const LOOK_MS = 120;

export function useIssueIndex(types: NodeTypes): void {
  const { issues } = useEditor();
  const snapshot = useSettled(
    useFlow((flow) => flow),
    LOOK_MS,
  );
  const server = useServerProblems();
  const all = useMemo(() => {
    const known = server.filter((issue) => !issue.node_id || snapshot.nodesById.has(issue.node_id));
    return mergeIssues(findIssues(snapshot, types), known);
  }, [snapshot, types, server]);
  useEffect(() => putIssues(issues, all), [issues, all]);
}

/** Follows a value with a short pause: checking every key of a fast typist helps nobody. */
function useSettled<T>(value: T, pauseMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
}

function useServerProblems() {
  const { workspaceId, flowId } = useEditor();
  const seq = useSettledSeq();
  const query = useQuery({ ...problemsQuery(workspaceId, flowId, seq), enabled: seq > 0 });
  return query.data ?? NONE;
}

const NONE: never[] = [];

/** Counts the pauses after which the server has everything that was changed. */
function useSettledSeq(): number {
  const document = useFlow((flow) => flow.document);
  const saved = useConnectionState().state === "saved";
  const [seq, setSeq] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a changed document starts the pause again.
  useEffect(() => {
    if (!saved) return;
    const timer = setTimeout(() => setSeq((before) => before + 1), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [document, saved]);
  return seq;
}
