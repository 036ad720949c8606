/** The flow's comments, live, and what this person may do with them. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import type { CommentThread } from "@/lib/api";
import { useWorkspace } from "@/lib/workspaces";
import { commentsKey, commentsQuery, peopleQuery } from "../api/comments";
import { useEditor, useRole } from "../stores/context";

/** Reads the comments again when the room says so; mounted once per open flow. */
export function useCommentNews(): void {
  const { provider, workspaceId, flowId } = useEditor();
  const queryClient = useQueryClient();
  useEffect(
    () =>
      provider.onNews((topic) => {
        if (topic !== "comments") return;
        void queryClient.invalidateQueries({ queryKey: commentsKey(workspaceId, flowId) });
        // A mention is told in the same moment as the comment that holds it.
        void queryClient.invalidateQueries({ queryKey: ["notifications"] });
      }),
    [provider, queryClient, workspaceId, flowId],
  );
}

const NONE: readonly CommentThread[] = [];

export function useComments(): readonly CommentThread[] {
  const { workspaceId, flowId } = useEditor();
  return useQuery(commentsQuery(workspaceId, flowId)).data ?? NONE;
}

export function useThread(id: string | null): CommentThread | null {
  return useComments().find((thread) => thread.id === id) ?? null;
}

/** People who can be mentioned. */
export function useMentionable(): readonly { id: string; name: string; color: number }[] {
  const { workspaceId } = useEditor();
  const members = useQuery(peopleQuery(workspaceId)).data;
  return useMemo(() => (members ?? []).map((member) => member.person), [members]);
}

/** Viewers may comment where the owner has not turned it off. */
export function useCanComment(): boolean {
  const { workspaceId } = useEditor();
  const role = useRole();
  const viewersMay = useWorkspace(workspaceId)?.viewers_may_comment ?? false;
  return role === "owner" || role === "editor" || (role === "viewer" && viewersMay);
}
