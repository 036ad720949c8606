import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ApiToken, api, type Me, read, type TokenScope } from "@/lib/api";
import { sessionQuery } from "@/lib/session";

export type MeChange = Partial<Pick<Me, "name" | "language" | "color">>;

export function useMeChange() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (change: MeChange) => read(api.PATCH("/api/v1/me", { body: change })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
}

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) =>
    (await read(api.GET("/api/v1/tokens", { params: { query: { limit: 200 } }, signal })))
      .items as ApiToken[],
});

export type NewToken = { name: string; scopes: TokenScope[]; expires_in_days: number };

export function useTokenCreate() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (token: NewToken) => read(api.POST("/api/v1/tokens", { body: token })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
}

export function useTokenDelete() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      read(api.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: id } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
}
