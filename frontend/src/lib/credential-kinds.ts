/** The kinds of credentials a workspace knows: those of the product and of its plug-ins. */
import { queryOptions } from "@tanstack/react-query";
import type { FieldSpec } from "@/flow-core";
import { api, type CredentialKind, inWorkspace, read } from "./api";

export type Kinds = { kinds: CredentialKind[]; byId: Map<string, CredentialKind>; redirectUri: string };
export type KindField = FieldSpec & { secret?: boolean };

export const kindsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "credential-kinds"],
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }): Promise<Kinds> => {
      const params = { path: inWorkspace(workspaceId) };
      const found = await read(
        api.GET("/api/v1/workspaces/{workspace_id}/credentials/kinds", { params, signal }),
      );
      const kinds = found.items as CredentialKind[];
      return { kinds, byId: new Map(kinds.map((kind) => [kind.id, kind])), redirectUri: found.redirect_uri };
    },
  });
