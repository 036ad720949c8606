import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, inWorkspace, type Json, read, type Variable } from "@/lib/api";

export const environments = ["", "draft", "staging", "production"] as const;
export type Environment = (typeof environments)[number];

export const variablesQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "variables"],
    queryFn: async ({ signal }): Promise<Variable[]> => {
      const params = { path: inWorkspace(workspaceId), query: { limit: 200 } };
      const path = "/api/v1/workspaces/{workspace_id}/variables";
      return (await read(api.GET(path, { params, signal }))).items as Variable[];
    },
  });

export type VariableDraft = {
  id: string | null;
  name: string;
  environment: Environment;
  isSecret: boolean;
  /** As it is typed: JSON, or text when it is none. */
  text: string;
  description: string;
};

/** What is typed counts as JSON where it is some, else as text. */
export function typedValue({ isSecret, text }: VariableDraft): Json {
  if (isSecret) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function useChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: variablesQuery(workspaceId).queryKey }),
  });
}

const one = (workspaceId: string, id: string) => ({
  path: { ...inWorkspace(workspaceId), variable_id: id },
});

export const useVariableSave = (workspaceId: string) =>
  useChange(workspaceId, (draft: VariableDraft) => {
    const { id, name, environment, isSecret, text, description } = draft;
    if (id) {
      const isKept = isSecret && text === "";
      const body = isKept ? { description } : { value: typedValue(draft), description };
      const path = "/api/v1/workspaces/{workspace_id}/variables/{variable_id}";
      return read(api.PATCH(path, { params: one(workspaceId, id), body }));
    }
    const body = { name, environment, is_secret: isSecret, value: typedValue(draft), description };
    const params = { path: inWorkspace(workspaceId) };
    return read(api.POST("/api/v1/workspaces/{workspace_id}/variables", { params, body }));
  });

export const useVariableDelete = (workspaceId: string) =>
  useChange(workspaceId, (id: string) => {
    const path = "/api/v1/workspaces/{workspace_id}/variables/{variable_id}";
    return read(api.DELETE(path, { params: one(workspaceId, id) }));
  });
