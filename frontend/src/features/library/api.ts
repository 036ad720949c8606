import { queryOptions, useMutation } from "@tanstack/react-query";
import {
  api,
  inWorkspace,
  type Json,
  type NodeRun,
  type NodeRunDetail,
  type Run,
  type RunDetail,
  type RunState,
  read,
} from "@/lib/api";

export type TryInput = {
  type: string;
  config: Record<string, Json>;
  inputs: Record<string, Json>;
};

export const useNodeTry = (workspaceId: string) =>
  useMutation({
    mutationFn: async ({ type, config, inputs }: TryInput): Promise<Run> => {
      const params = { path: { ...inWorkspace(workspaceId), type_id: type } };
      const path = "/api/v1/workspaces/{workspace_id}/node-types/{type_id}/try";
      return (await read(api.POST(path, { params, body: { version: "", config, inputs } }))) as Run;
    },
  });

const under_way: readonly RunState[] = ["ready", "running"];
const ofRun = (workspaceId: string, runId: string) => ({ ...inWorkspace(workspaceId), run_id: runId });

/** The run of a tried node, looked at until it has ended or waits. */
export const triedQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "tried", runId],
    queryFn: async ({ signal }) => {
      const params = { path: ofRun(workspaceId, runId) };
      const path = "/api/v1/workspaces/{workspace_id}/runs/{run_id}";
      return (await read(api.GET(path, { params, signal }))) as RunDetail;
    },
    refetchInterval: ({ state }) => (state.data && !under_way.includes(state.data.state) ? false : 400),
  });

/** What the node gave, once its run has ended. */
export const triedOutputQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "tried", runId, "output"],
    queryFn: async ({ signal }): Promise<NodeRunDetail | null> => {
      const path = ofRun(workspaceId, runId);
      const all = await read(
        api.GET("/api/v1/workspaces/{workspace_id}/runs/{run_id}/nodes", { params: { path }, signal }),
      );
      const node = (all.items as NodeRun[]).find((item) => item.node_id === "tried");
      if (!node) return null;
      const params = { path: { ...path, node_run_id: node.id } };
      const one = "/api/v1/workspaces/{workspace_id}/runs/{run_id}/nodes/{node_run_id}";
      return (await read(api.GET(one, { params, signal }))) as NodeRunDetail;
    },
  });
