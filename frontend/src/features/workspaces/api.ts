import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  type AuditEntry,
  apiRoot,
  http,
  type Invitation,
  type Member,
  type Page,
  type Role,
  type Workspace,
  workspacePath,
} from "@/lib/api";
import { workspacesQuery } from "@/lib/workspaces";

export const membersQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "members"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<Member>>(workspacePath(workspaceId, "/members"), { limit: 200 }, signal)).items,
  });

export const invitationsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "invitations"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<Invitation>>(workspacePath(workspaceId, "/invitations"), { limit: 200 }, signal))
        .items,
  });

export const auditQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "audit"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<AuditEntry>>(workspacePath(workspaceId, "/audit"), { limit: 100 }, signal)).items,
  });

/** After any change here, members, invitations, the audit list and the list of workspaces are read again. */
function useChange<Input, Output>(workspaceId: string | null, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: workspacesQuery.queryKey });
      if (workspaceId === null) return;
      for (const part of ["members", "invitations", "audit"]) {
        void queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, part] });
      }
    },
  });
}

export const useWorkspaceCreate = () =>
  useChange(null, (name: string) => http.post<Workspace>(`${apiRoot}/workspaces`, { name }));

export const useWorkspaceRename = (workspaceId: string) =>
  useChange(workspaceId, (name: string) => http.patch<Workspace>(workspacePath(workspaceId), { name }));

export const useWorkspaceDelete = (workspaceId: string) =>
  useChange(null, () => http.delete(workspacePath(workspaceId)));

export const useMemberRole = (workspaceId: string) =>
  useChange(workspaceId, ({ personId, role }: { personId: string; role: Role }) =>
    http.patch<Member>(workspacePath(workspaceId, `/members/${personId}`), { role }),
  );

export const useMemberRemove = (workspaceId: string) =>
  useChange(workspaceId, (personId: string) =>
    http.delete(workspacePath(workspaceId, `/members/${personId}`)),
  );

export const useWorkspaceLeave = (workspaceId: string) =>
  useChange(null, () => http.post<void>(workspacePath(workspaceId, "/leave")));

export type NewInvitation = { role: Role; expires_in_days: number; email?: string };

export const useInvitationCreate = (workspaceId: string) =>
  useChange(workspaceId, (invitation: NewInvitation) =>
    http.post<Invitation>(workspacePath(workspaceId, "/invitations"), invitation),
  );

export const useInvitationRevoke = (workspaceId: string) =>
  useChange(workspaceId, (id: string) => http.delete(workspacePath(workspaceId, `/invitations/${id}`)));
