import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, read } from "@/lib/api";

export const notificationsQuery = queryOptions({
  queryKey: ["notifications"],
  queryFn: ({ signal }) =>
    read(api.GET("/api/v1/notifications", { params: { query: { limit: 50 } }, signal })),
  refetchInterval: 15_000,
});

/** Without ids: everything. */
export function useNotificationsRead() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (ids: string[] | null) =>
      read(api.POST("/api/v1/notifications/read", { body: ids === null ? {} : { ids } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: notificationsQuery.queryKey }),
  });
}
