import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  api,
  inWorkspace,
  type LookedAtPackage,
  type PluginPermissions,
  read,
  send,
  workspacePath,
} from "@/lib/api";
import { nodeTypesChanged } from "@/lib/node-types";

/** The flows whose drawing names one of these node types. */
export const usesQuery = (workspaceId: string, types: readonly string[]) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "flows", "using", ...types],
    queryFn: async ({ signal }) => {
      const found = new Map<string, string>();
      for (const names of types) {
        const params = { path: inWorkspace(workspaceId), query: { names, limit: 200 } };
        const answer = await read(api.GET("/api/v1/workspaces/{workspace_id}/flows", { params, signal }));
        for (const flow of answer.items) found.set(flow.id, flow.name);
      }
      return [...found].map(([id, name]) => ({ id, name }));
    },
  });

/** Uploads a package; the server loads it in a confined process and says what it holds. */
export const usePackageLook = (workspaceId: string) =>
  useMutation({
    mutationFn: async (file: File): Promise<LookedAtPackage> => {
      const path = workspacePath(workspaceId, "/plugins/packages");
      const answer = await send("POST", path, { body: file, query: { name: file.name } });
      return (await answer.json()) as LookedAtPackage;
    },
  });

/** Asks an MCP server what it has; its tools become nodes. */
export const useServerLook = (workspaceId: string) =>
  useMutation({
    mutationFn: async (input: { address: string; credential: string }): Promise<LookedAtPackage> =>
      (await read(
        api.POST("/api/v1/workspaces/{workspace_id}/plugins/mcp-servers", {
          params: { path: inWorkspace(workspaceId) },
          body: input,
        }),
      )) as LookedAtPackage,
  });

function useChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => nodeTypesChanged(queryClient, workspaceId),
  });
}

const one = (workspaceId: string, pluginId: string) => ({
  path: { ...inWorkspace(workspaceId), plugin_id: pluginId },
});

export const usePluginInstall = (workspaceId: string) =>
  useChange(workspaceId, (input: { packageId: string; permissions: PluginPermissions }) =>
    read(
      api.POST("/api/v1/workspaces/{workspace_id}/plugins", {
        params: { path: inWorkspace(workspaceId) },
        body: { package_id: input.packageId, permissions: { ...input.permissions } },
      }),
    ),
  );

export const usePluginSwitch = (workspaceId: string) =>
  useChange(workspaceId, (input: { pluginId: string; isEnabled: boolean }) =>
    read(
      api.PATCH("/api/v1/workspaces/{workspace_id}/plugins/{plugin_id}", {
        params: one(workspaceId, input.pluginId),
        body: { is_enabled: input.isEnabled },
      }),
    ),
  );

export const usePluginRemove = (workspaceId: string) =>
  useChange(workspaceId, (pluginId: string) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/plugins/{plugin_id}", {
        params: one(workspaceId, pluginId),
      }),
    ),
  );

export const useVersionRemove = (workspaceId: string) =>
  useChange(workspaceId, (input: { pluginId: string; packageId: string }) =>
    read(
      api.DELETE("/api/v1/workspaces/{workspace_id}/plugins/{plugin_id}/versions/{package_id}", {
        params: {
          path: { ...inWorkspace(workspaceId), plugin_id: input.pluginId, package_id: input.packageId },
        },
      }),
    ),
  );
