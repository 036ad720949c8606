import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import {
  type ApiToken,
  type ApiTokenCreated,
  apiRoot,
  http,
  type Me,
  type Page,
  type TokenScope,
} from "@/lib/api";
import { sessionQuery } from "@/lib/session";

export type MeChange = Partial<Pick<Me, "name" | "language" | "color">>;

export function useMeChange() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (change: MeChange) => http.patch<Me>(`${apiRoot}/me`, change),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey }),
  });
}

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) =>
    (await http.get<Page<ApiToken>>(`${apiRoot}/tokens`, { limit: 200 }, signal)).items,
});

export type NewToken = { name: string; scopes: TokenScope[]; expires_in_days: number };

export function useTokenCreate() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (token: NewToken) => http.post<ApiTokenCreated>(`${apiRoot}/tokens`, token),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
}

export function useTokenDelete() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => http.delete(`${apiRoot}/tokens/${id}`),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
}
