/** Problems of the flow: recomputed when it changes; the server's follow once it has the change. */
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { problemsQuery } from "../api/queries";
import { type Catalogue, type IssueIndex, useConnectionState, useEditor, useFlow } from "../stores/context";
import { findIssues, type Issue, mergeIssues } from "../stores/issues";

const PAUSE_MS = 700;

export function useIssueIndex(types: Catalogue): IssueIndex {
  const snapshot = useDeferredValue(useFlow((flow) => flow));
  const server = useServerProblems();
  const own = useMemo(() => findIssues(snapshot, types), [snapshot, types]);
  return useMemo(() => {
    const known = server.filter((issue) => !issue.node_id || snapshot.nodesById.has(issue.node_id));
    return indexOf(mergeIssues(own, known));
  }, [own, server, snapshot]);
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

function indexOf(all: readonly Issue[]): IssueIndex {
  const byNode = new Map<string, Issue[]>();
  const byEdge = new Map<string, Issue>();
  for (const issue of all) {
    if (issue.nodeId) byNode.set(issue.nodeId, [...(byNode.get(issue.nodeId) ?? []), issue]);
    if (issue.edgeId && !byEdge.has(issue.edgeId)) byEdge.set(issue.edgeId, issue);
  }
  return { all, byNode, byEdge };
}
