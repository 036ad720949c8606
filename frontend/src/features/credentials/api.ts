import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Credential, type CredentialTest, http, type Page, workspacePath } from "@/lib/api";

export const credentialsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "credentials"],
    queryFn: async ({ signal }) =>
      (await http.get<Page<Credential>>(workspacePath(workspaceId, "/credentials"), { limit: 200 }, signal))
        .items,
  });

export type NewCredential = {
  name: string;
  kind: "api_key";
  fields: { api_key: string };
  allowed_hosts: string[];
};

function useChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: credentialsQuery(workspaceId).queryKey }),
  });
}

export const useCredentialCreate = (workspaceId: string) =>
  useChange(workspaceId, (credential: NewCredential) =>
    http.post<Credential>(workspacePath(workspaceId, "/credentials"), credential),
  );

export const useCredentialDelete = (workspaceId: string) =>
  useChange(workspaceId, (id: string) => http.delete(workspacePath(workspaceId, `/credentials/${id}`)));

/** Sends the credential to its first allowed host and says how it was received. */
export const useCredentialTest = (workspaceId: string) =>
  useChange(workspaceId, (id: string) =>
    http.post<CredentialTest>(workspacePath(workspaceId, `/credentials/${id}/test`)),
  );
