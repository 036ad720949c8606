/** What the node waits for in the shown run, with the answers a person can give. */
import { RunWaits } from "@/components/run-waits";
import { useCanEdit, useEditor, useRuns } from "../../stores/context";
import { isFinal, nodeRun, shownRun } from "../../stores/run-store";

export function NodeWaits({ nodeId }: { nodeId: string }) {
  const { workspaceId } = useEditor();
  const canEdit = useCanEdit();
  const run = useRuns(shownRun);
  const isWaiting = useRuns((state) => nodeRun(state, nodeId)?.state === "waiting");
  if (!run || isFinal(run.state) || !isWaiting) return null;
  return <RunWaits workspaceId={workspaceId} runId={run.id} nodeId={nodeId} canAnswer={canEdit} />;
}
