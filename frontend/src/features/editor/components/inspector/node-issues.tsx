/** Problems of the node that belong to no single field. */
import { Icon } from "@/components/icon";
import { useIssueText } from "../../hooks/use-issue-text";
import { useIssues } from "../../stores/context";
import classes from "./inspector.module.css";
import { NodeFailure } from "./node-failure";
import { NodeWaits } from "./node-waits";

export function NodeIssues({ nodeId }: { nodeId: string }) {
  const issues = useIssues((index) => index.byNode.get(nodeId)) ?? [];
  const words = useIssueText();
  // Why a type is missing is said in full by UnknownNode.
  const loose = issues.filter(
    (issue) => issue.kind !== "node.unknown" && (issue.field === null || issue.kind === "port.required"),
  );
  return (
    <>
      <NodeFailure nodeId={nodeId} />
      <NodeWaits nodeId={nodeId} />
      {loose.map((issue) => (
        <div key={issue.key} className={classes.issue} data-severity={issue.severity} role="note">
          <Icon name="warning" size={13} />
          <span>{words(issue).message}</span>
        </div>
      ))}
    </>
  );
}
