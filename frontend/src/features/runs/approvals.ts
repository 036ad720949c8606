/** What the runs of a workspace ask people. */
import { queryOptions } from "@tanstack/react-query";
import type { Wait } from "@/components/run-waits";
import { api, inWorkspace, read } from "@/lib/api";

export type Approval = {
  run_id: string;
  run_number: number;
  flow_id: string;
  flow_name: string;
  node_name: string;
  wait: Wait & { since: string | null };
};

const lookAgain_ms = 10_000;

export const approvalsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "approvals"],
    queryFn: async ({ signal }) => {
      const params = { path: inWorkspace(workspaceId) };
      const path = "/api/v1/workspaces/{workspace_id}/approvals";
      return (await read(api.GET(path, { params, signal }))).items as unknown as Approval[];
    },
    refetchInterval: lookAgain_ms,
  });
