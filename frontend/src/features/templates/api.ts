import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  apiRoot,
  http,
  type Page,
  type Template,
  type TemplateCategory,
  type TemplateDetail,
  workspacePath,
} from "@/lib/api";

export const categories: readonly TemplateCategory[] = ["ai", "data", "integration", "other"];

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: async ({ signal }) =>
    (await http.get<Page<Template>>(`${apiRoot}/templates`, { limit: 200 }, signal)).items,
  staleTime: 30_000,
});

export const templateQuery = (templateId: string) =>
  queryOptions({
    queryKey: ["templates", templateId],
    queryFn: ({ signal }) => http.get<TemplateDetail>(`${apiRoot}/templates/${templateId}`, {}, signal),
    staleTime: 60_000,
  });

function useTemplatesChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: templatesQuery.queryKey }),
  });
}

export type NewTemplate = {
  flow_id: string;
  version: number | null;
  name: string;
  summary: string;
  category: TemplateCategory;
};

export const useTemplatePublish = (workspaceId: string) =>
  useTemplatesChange((template: NewTemplate) =>
    http.post<Template>(workspacePath(workspaceId, "/templates"), template),
  );

export const useTemplateInstall = (templateId: string) =>
  useTemplatesChange(({ workspaceId, name }: { workspaceId: string; name: string }) =>
    http.post<{ flow_id: string }>(workspacePath(workspaceId, `/templates/${templateId}/install`), { name }),
  );

export const useTemplateWithdraw = (template: Pick<Template, "id" | "workspace_id">) =>
  useTemplatesChange(() => http.delete(workspacePath(template.workspace_id, `/templates/${template.id}`)));
