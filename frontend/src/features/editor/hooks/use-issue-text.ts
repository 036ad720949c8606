import { useText } from "@/i18n";
import type { Issue } from "../stores/issues";
import { editorText } from "../text";
import { useAbsentType } from "./use-absent-type";
import { useLocalText } from "./use-local-text";

/** A problem in the reader's words: the server's own text, or ours by its kind. */
export function useIssueText(): (issue: Issue) => { message: string; hint: string } {
  const t = useText(editorText);
  const local = useLocalText();
  const absent = useAbsentType();
  return (issue) => {
    if (issue.server) return { message: local(issue.server.message), hint: local(issue.server.hint) };
    if (issue.kind === "server") return { message: "", hint: "" };
    if (issue.kind === "node.unknown")
      return { message: absent(issue.values.type ?? "")?.says ?? t("node.absent"), hint: "" };
    return { message: t(issue.kind, issue.values), hint: "" };
  };
}
