/** The plug-ins of a workspace, for their page and for the editor, which says why a node's type is missing. */
import { queryOptions } from "@tanstack/react-query";
import { api, inWorkspace, type Plugin, read } from "./api";

/** What keeps plug-ins' code apart; `reason` says why it is not more. */
export type Isolation = {
  level: "bubblewrap" | "filters" | "limits";
  takes_code: boolean;
  reason: { en: string; zh: string };
};

export const pluginsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "plugins"],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId) };
      const answer = await read(api.GET("/api/v1/workspaces/{workspace_id}/plugins", { params, signal }));
      return answer as unknown as { items: Plugin[]; isolation: Isolation };
    },
    refetchInterval: 5_000,
  });
