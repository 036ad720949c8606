import { queryOptions } from "@tanstack/react-query";
import { api, read } from "@/lib/api";

const REFRESH_MS = 20_000;

export const sharedFlowQuery = (token: string) =>
  queryOptions({
    queryKey: ["shared", token],
    queryFn: ({ signal }) => read(api.GET("/api/v1/shared/{token}", { params: { path: { token } }, signal })),
    refetchInterval: (query) => (query.state.error ? false : REFRESH_MS),
    retry: false,
  });
