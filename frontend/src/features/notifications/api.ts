import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { apiRoot, http, type NotificationPage } from "@/lib/api";

export const notificationsQuery = queryOptions({
  queryKey: ["notifications"],
  queryFn: ({ signal }) => http.get<NotificationPage>(`${apiRoot}/notifications`, { limit: 50 }, signal),
  refetchInterval: 15_000,
});

/** Without ids: everything. */
export function useNotificationsRead() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (ids: string[] | null) =>
      http.post<void>(`${apiRoot}/notifications/read`, ids === null ? {} : { ids }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: notificationsQuery.queryKey }),
  });
}
