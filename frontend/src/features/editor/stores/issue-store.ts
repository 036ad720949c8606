/** Problems of the open flow by place; entries that did not change keep their identity. */
import { createStore } from "zustand/vanilla";
import { sameJson } from "@/flow-core";
import type { Issue } from "./issues";

export type IssueIndex = {
  all: readonly Issue[];
  byNode: ReadonlyMap<string, readonly Issue[]>;
  byEdge: ReadonlyMap<string, Issue>;
};

export function createIssueStore() {
  return createStore<IssueIndex>()(() => ({ all: [], byNode: new Map(), byEdge: new Map() }));
}

export type IssueStore = ReturnType<typeof createIssueStore>;

export function putIssues(store: IssueStore, all: readonly Issue[]): void {
  const before = store.getState();
  if (sameJson(before.all, all)) return;
  const byNode = new Map<string, Issue[]>();
  const byEdge = new Map<string, Issue>();
  for (const issue of all) {
    if (issue.nodeId) byNode.set(issue.nodeId, [...(byNode.get(issue.nodeId) ?? []), issue]);
    if (issue.edgeId && !byEdge.has(issue.edgeId)) byEdge.set(issue.edgeId, issue);
  }
  store.setState({ all, byNode: kept(before.byNode, byNode), byEdge: kept(before.byEdge, byEdge) });
}

function kept<T>(before: ReadonlyMap<string, T>, next: Map<string, T>): Map<string, T> {
  for (const [key, value] of next) {
    const known = before.get(key);
    if (known !== undefined && sameJson(known, value)) next.set(key, known);
  }
  return next;
}
