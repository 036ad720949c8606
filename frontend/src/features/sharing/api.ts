import { queryOptions } from "@tanstack/react-query";
import { ApiProblem, api, read } from "@/lib/api";

const REFRESH_MS = 20_000;

export const isGone = (error: unknown): boolean => error instanceof ApiProblem && error.status === 404;

export const sharedFlowQuery = (token: string) =>
  queryOptions({
    queryKey: ["shared", token],
    queryFn: ({ signal }) => read(api.GET("/api/v1/shared/{token}", { params: { path: { token } }, signal })),
    // A link that does not work stays so; a network that fails comes back.
    refetchInterval: (query) => (isGone(query.state.error) ? false : REFRESH_MS),
    retry: false,
  });
