import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, inWorkspace, read, type Template, type TemplateCategory, type TemplateDetail } from "@/lib/api";

export const categories: readonly TemplateCategory[] = ["ai", "data", "integration", "other"];

export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: async ({ signal }) =>
    (await read(api.GET("/api/v1/templates", { params: { query: { limit: 200 } }, signal }))).items,
  staleTime: 30_000,
});

export const templateQuery = (templateId: string) =>
  queryOptions({
    queryKey: ["templates", templateId],
    queryFn: async ({ signal }) => {
      const params = { path: { template_id: templateId } };
      return (await read(api.GET("/api/v1/templates/{template_id}", { params, signal }))) as TemplateDetail;
    },
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
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/templates", {
        params: { path: inWorkspace(workspaceId) },
        body: template,
      }),
    ),
  );

const one = (workspaceId: string, id: string) => ({ path: { ...inWorkspace(workspaceId), template_id: id } });

export const useTemplateInstall = (templateId: string) =>
  useTemplatesChange(({ workspaceId, name }: { workspaceId: string; name: string }) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/templates/{template_id}/install", {
        params: one(workspaceId, templateId),
        body: { name },
      }),
    ),
  );

export const useTemplateWithdraw = (template: Pick<Template, "id" | "workspace_id">) =>
  useTemplatesChange(() =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/templates/{template_id}", {
        params: one(template.workspace_id, template.id),
      }),
    ),
  );
