/** What an expression gives with the values of a run. */
import { queryOptions } from "@tanstack/react-query";
import { send, workspacePath } from "@/lib/api";

export type OutputOf = { node_id: string; port: string };
export type ExpressionTry = {
  text: string;
  run_id: string | null;
  inputs: Record<string, OutputOf>;
  item: OutputOf | null;
};
export type ExpressionValue = { shown: string; is_cut: boolean; count: number | null; missing: string[] };

/** An answer that nobody waits for any more is given up. */
export const expressionTryQuery = (workspaceId: string, tried: ExpressionTry) =>
  queryOptions({
    queryKey: ["expression-try", workspaceId, tried],
    queryFn: async ({ signal }) => {
      const path = workspacePath(workspaceId, "/expressions/try");
      return (await (await send("POST", path, { body: tried, signal })).json()) as ExpressionValue;
    },
    retry: false,
    staleTime: 30_000,
    gcTime: 60_000,
  });
