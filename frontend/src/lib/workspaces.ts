/** The workspaces of the signed-in person and what their role there lets them do (ARCHITECTURE §6). */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, type Role, read, type Workspace } from "./api";

export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  queryFn: async ({ signal }) =>
    (await read(api.GET("/api/v1/workspaces", { params: { query: { limit: 200 } }, signal }))).items,
  staleTime: 30_000,
});

export function useWorkspaces(): Workspace[] {
  return useQuery(workspacesQuery).data ?? [];
}

export function useWorkspace(workspaceId: string): Workspace | null {
  return useWorkspaces().find((workspace) => workspace.id === workspaceId) ?? null;
}

const rank: Record<Role, number> = { viewer: 0, editor: 1, owner: 2 };

/** The interface follows the role to hide what would be refused; the server decides. */
export function hasRole(role: Role | null | undefined, needed: Role): boolean {
  return role !== null && role !== undefined && rank[role] >= rank[needed];
}

export type Rights = { role: Role | null; canEdit: boolean; canManage: boolean };

export function useRights(workspaceId: string): Rights {
  const role = useWorkspace(workspaceId)?.role ?? null;
  return { role, canEdit: hasRole(role, "editor"), canManage: hasRole(role, "owner") };
}
