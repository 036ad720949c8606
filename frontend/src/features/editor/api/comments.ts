/** Comments of one flow: rows on the server, read again whenever the room says they changed. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { CommentThread } from "@/lib/api";
import { http, type Member, type Page, workspacePath } from "@/lib/api";
import { allPages } from "./pages";

/** Behind the hints of the room: what a lost one costs at most. */
const POLL_MS = 30_000;

export const commentsKey = (workspaceId: string, flowId: string) =>
  ["flow", workspaceId, flowId, "comments"] as const;

const root = (workspaceId: string, flowId: string): string =>
  workspacePath(workspaceId, `/flows/${flowId}/comments`);

export const commentsQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: commentsKey(workspaceId, flowId),
    queryFn: ({ signal }) => allPages<CommentThread>(root(workspaceId, flowId), signal),
    refetchInterval: POLL_MS,
  });

export const peopleQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "members"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<Member>>(workspacePath(workspaceId, "/members"), { limit: 200 }, signal)).items,
    staleTime: 60_000,
  });

export type CommentAnchor = { x: number; y: number; node_id: string; node_name: string };

/** What one can do to comments; each answer that is a thread takes its place in the list at once. */
export function useCommentActions(workspaceId: string, flowId: string) {
  const queryClient = useQueryClient();
  const queryKey = commentsKey(workspaceId, flowId);
  const at = root(workspaceId, flowId);
  const act = useMutation({
    mutationFn: async (work: () => Promise<CommentThread | undefined>) => {
      const thread = await work();
      if (thread) {
        queryClient.setQueryData<CommentThread[]>(queryKey, (before = []) =>
          before.some((one) => one.id === thread.id)
            ? before.map((one) => (one.id === thread.id ? thread : one))
            : [thread, ...before],
        );
      }
      return thread;
    },
    onSettled: () => void queryClient.invalidateQueries({ queryKey }),
  });
  const run = (work: () => Promise<CommentThread | undefined>) => act.mutateAsync(work);
  const none = (work: Promise<void>): Promise<undefined> => work.then(() => undefined);
  return {
    isBusy: act.isPending,
    begin: (anchor: CommentAnchor, body: string) =>
      run(() => http.post<CommentThread>(at, { ...anchor, body })),
    reply: (thread: string, body: string) =>
      run(() => http.post<CommentThread>(`${at}/${thread}/replies`, { body })),
    edit: (thread: string, comment: string, body: string) =>
      run(() => http.patch<CommentThread>(`${at}/${thread}/replies/${comment}`, { body })),
    remove: (thread: string, comment: string) =>
      run(() => none(http.delete(`${at}/${thread}/replies/${comment}`))),
    removeThread: (thread: string) => run(() => none(http.delete(`${at}/${thread}`))),
    resolve: (thread: string, resolved: boolean) =>
      run(() => http.patch<CommentThread>(`${at}/${thread}`, { resolved })),
    react: (thread: string, comment: string, emoji: string, on: boolean) =>
      run(() => http.put<CommentThread>(`${at}/${thread}/replies/${comment}/reactions`, { emoji, on })),
  };
}

export type CommentActions = ReturnType<typeof useCommentActions>;
