/** Which threads a list shows. */
import type { CommentThread } from "@/lib/api";

export type Filter = "open" | "resolved" | "mine";

export function threadsFor(
  threads: readonly CommentThread[],
  filter: Filter,
  personId: string,
): CommentThread[] {
  return threads.filter((thread) => {
    if (filter === "mine") return isWith(thread, personId);
    return (thread.resolved_at !== null) === (filter === "resolved");
  });
}

/** Open threads in which the person wrote or is mentioned. */
function isWith(thread: CommentThread, personId: string): boolean {
  return (
    thread.resolved_at === null &&
    thread.comments.some(
      (comment) =>
        comment.author?.id === personId || comment.mentions.some((person) => person.id === personId),
    )
  );
}
