/** Who is signed in, and what this instance allows. */
import { queryOptions, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { api, type Me, read, type Session } from "./api";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => read(api.GET("/api/v1/session", { signal })),
  staleTime: 60_000,
});

export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

/** The signed-in person, or null while it is not known or nobody is. */
export function useMe(): Me | null {
  return useQuery(sessionQuery).data?.person ?? null;
}
