import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Credential, inWorkspace, read } from "@/lib/api";

export { type KindField, type Kinds, kindsQuery } from "@/lib/credential-kinds";

export const credentialsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "credentials"],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId), query: { limit: 200 } };
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/credentials", { params, signal }))).items;
    },
  });

export const usesQuery = (workspaceId: string, id: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "credentials", id, "uses"],
    queryFn: async ({ signal }) => {
      const params = { ...one(workspaceId, id), query: { limit: 50 } };
      const path = "/api/v1/workspaces/{workspace_id}/credentials/{credential_id}/uses";
      return (await read(api.GET(path, { params, signal }))).items;
    },
  });

/** Flows whose definition names the credential. */
export const flowsNamingQuery = (workspaceId: string, name: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows-naming", name],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId), query: { limit: 50, names: name } };
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/flows", { params, signal }))).items;
    },
  });

function useChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: credentialsQuery(workspaceId).queryKey }),
  });
}

const one = (workspaceId: string, id: string) => ({
  path: { ...inWorkspace(workspaceId), credential_id: id },
});

export type Draft = {
  id?: string | undefined;
  kind: string;
  name: string;
  fields: Record<string, string>;
  hosts: string[];
};

export const useCredentialSave = (workspaceId: string) =>
  useChange(workspaceId, ({ id, kind, name, fields, hosts }: Draft): Promise<Credential> => {
    if (id) {
      const body = { name, fields, allowed_hosts: hosts };
      const path = "/api/v1/workspaces/{workspace_id}/credentials/{credential_id}";
      return read(api.PATCH(path, { params: one(workspaceId, id), body }));
    }
    const params = { path: inWorkspace(workspaceId) };
    const body = { name, kind, fields, allowed_hosts: hosts };
    return read(api.POST("/api/v1/workspaces/{workspace_id}/credentials", { params, body }));
  });

/** Uses what is in the form once; nothing is kept. */
export const useDraftTest = (workspaceId: string) =>
  useMutation({
    mutationFn: ({ id, kind, fields, hosts }: Draft) =>
      read(
        api.POST("/api/v1/workspaces/{workspace_id}/credentials/test", {
          params: { path: inWorkspace(workspaceId) },
          body: { kind, credential_id: id ?? null, fields, allowed_hosts: hosts, url: "" },
        }),
      ),
  });

export const useCredentialDelete = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/credentials/{credential_id}", {
        params: one(workspaceId, id),
      }),
    ),
  );

/** Uses the credential once and says how it was received. */
export const useCredentialTest = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/credentials/{credential_id}/test", {
        params: one(workspaceId, id),
        body: { url: "" },
      }),
    ),
  );

/** The address where the person signs in at the service; empty when the app was connected by itself. */
export const useCredentialConnect = (workspaceId: string) =>
  useChange(workspaceId, async (id: string) => {
    const path = "/api/v1/workspaces/{workspace_id}/credentials/{credential_id}/connect";
    return (await read(api.POST(path, { params: one(workspaceId, id) }))).url;
  });
