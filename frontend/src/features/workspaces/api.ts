import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type AuditEntry, api, inWorkspace, type Role, read } from "@/lib/api";
import { workspacesQuery } from "@/lib/workspaces";

const listed = (workspaceId: string, limit = 200) => ({ path: inWorkspace(workspaceId), query: { limit } });

export const membersQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "members"],
    queryFn: async ({ signal }) => {
      const params = listed(workspaceId);
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/members", { params, signal }))).items;
    },
  });

export const invitationsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "invitations"],
    queryFn: async ({ signal }) => {
      const params = listed(workspaceId);
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/invitations", { params, signal }))).items;
    },
  });

export const auditQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "audit"],
    queryFn: async ({ signal }) => {
      const params = listed(workspaceId, 100);
      const page = await read(api.GET("/api/v1/workspaces/{workspace_id}/audit", { params, signal }));
      return page.items as AuditEntry[];
    },
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

const here = (workspaceId: string) => ({ path: inWorkspace(workspaceId) });

export const useWorkspaceCreate = () =>
  useChange(null, (name: string) => read(api.POST("/api/v1/workspaces", { body: { name } })));

export const useWorkspaceRename = (workspaceId: string) =>
  useChange(workspaceId, (name: string) =>
    read(api.PATCH("/api/v1/workspaces/{workspace_id}", { params: here(workspaceId), body: { name } })),
  );

export const useKeepRunsDays = (workspaceId: string) =>
  useChange(workspaceId, (days: number) =>
    read(
      api.PATCH("/api/v1/workspaces/{workspace_id}", {
        params: here(workspaceId),
        body: { keep_runs_days: days },
      }),
    ),
  );

export const useWorkspaceDelete = (workspaceId: string) =>
  useChange(null, () => read(api.DELETE("/api/v1/workspaces/{workspace_id}", { params: here(workspaceId) })));

export const useWorkspaceLeave = (workspaceId: string) =>
  useChange(null, () =>
    read(api.POST("/api/v1/workspaces/{workspace_id}/leave", { params: here(workspaceId) })),
  );

const member = (workspaceId: string, id: string) => ({
  path: { ...inWorkspace(workspaceId), person_id: id },
});

export const useMemberRole = (workspaceId: string) =>
  useChange(workspaceId, ({ personId, role }: { personId: string; role: Role }) =>
    read(
      api.PATCH("/api/v1/workspaces/{workspace_id}/members/{person_id}", {
        params: member(workspaceId, personId),
        body: { role },
      }),
    ),
  );

export const useMemberRemove = (workspaceId: string) =>
  useChange(workspaceId, (personId: string) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/members/{person_id}", {
        params: member(workspaceId, personId),
      }),
    ),
  );

/** An empty `email` lets in whoever has the link. */
export type NewInvitation = { role: Role; expires_in_days: number; email: string };

export const useInvitationCreate = (workspaceId: string) =>
  useChange(workspaceId, (invitation: NewInvitation) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/invitations", {
        params: here(workspaceId),
        body: invitation,
      }),
    ),
  );

export const useInvitationRevoke = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/invitations/{invitation_id}", {
        params: { path: { ...inWorkspace(workspaceId), invitation_id: id } },
      }),
    ),
  );
