/** Who may see a flow: members, invitations, links for people outside, and what viewers may do. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { http, type Invitation, type Page, type Role, type ShareLink, workspacePath } from "@/lib/api";
import { workspacesQuery } from "@/lib/workspaces";

export const shareLinksQuery = (workspaceId: string, flowId: string) =>
  queryOptions({
    queryKey: ["flow", workspaceId, flowId, "links"],
    queryFn: async ({ signal }) =>
      (
        await http.get<Page<ShareLink>>(
          workspacePath(workspaceId, `/flows/${flowId}/links`),
          { limit: 50 },
          signal,
        )
      ).items,
  });

/** A change after which what it touches is read again. */
function useChange<Input, Output>(
  keys: readonly (readonly unknown[])[],
  work: (input: Input) => Promise<Output>,
) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: work,
    onSuccess: async () => {
      await Promise.all(keys.map((queryKey) => queryClient.invalidateQueries({ queryKey })));
    },
  });
}

const membersKey = (workspaceId: string) => ["workspace", workspaceId, "members"] as const;

export const useMemberRole = (workspaceId: string) =>
  useChange([membersKey(workspaceId), workspacesQuery.queryKey], (change: { person: string; role: Role }) =>
    http.patch(workspacePath(workspaceId, `/members/${change.person}`), { role: change.role }),
  );

export const useInvite = (workspaceId: string) =>
  useChange([["workspace", workspaceId, "invitations"]], (invitation: { email: string; role: Role }) =>
    http.post<Invitation>(workspacePath(workspaceId, "/invitations"), { ...invitation, expires_in_days: 7 }),
  );

export const useShareLinkCreate = (workspaceId: string, flowId: string) =>
  useChange([shareLinksQuery(workspaceId, flowId).queryKey], (days: number | null) =>
    http.post<ShareLink>(workspacePath(workspaceId, `/flows/${flowId}/links`), { expires_in_days: days }),
  );

export const useShareLinkDelete = (workspaceId: string, flowId: string) =>
  useChange([shareLinksQuery(workspaceId, flowId).queryKey], (id: string) =>
    http.delete(workspacePath(workspaceId, `/flows/${flowId}/links/${id}`)),
  );

export type ViewersRight = "viewers_may_comment" | "viewers_see_values";

export const useViewersRight = (workspaceId: string, right: ViewersRight) =>
  useChange([workspacesQuery.queryKey], (isAllowed: boolean) =>
    http.patch(workspacePath(workspaceId), { [right]: isAllowed }),
  );
