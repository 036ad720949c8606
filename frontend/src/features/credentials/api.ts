import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, inWorkspace, read } from "@/lib/api";

export const credentialsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "credentials"],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId), query: { limit: 200 } };
      return (await read(api.GET("/api/v1/workspaces/{workspace_id}/credentials", { params, signal }))).items;
    },
  });

export type NewApiKey = { name: string; apiKey: string; allowedHosts: string[] };

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

export const useCredentialCreate = (workspaceId: string) =>
  useChange(workspaceId, ({ name, apiKey, allowedHosts }: NewApiKey) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/credentials", {
        params: { path: inWorkspace(workspaceId) },
        body: {
          name,
          kind: "api_key",
          fields: { api_key: apiKey },
          allowed_hosts: allowedHosts,
          header: "Authorization",
          prefix: "Bearer",
        },
      }),
    ),
  );

export const useCredentialDelete = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/credentials/{credential_id}", {
        params: one(workspaceId, id),
      }),
    ),
  );

/** Sends the credential to its first allowed host and says how it was received. */
export const useCredentialTest = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/credentials/{credential_id}/test", {
        params: one(workspaceId, id),
        body: { url: "" },
      }),
    ),
  );
