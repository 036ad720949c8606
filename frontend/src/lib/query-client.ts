/** Server cache: retried only when trying again can help. */
import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "./api";
import { sessionQuery } from "./session";

function worthRetrying(failures: number, error: unknown): boolean {
  if (failures >= 2) return false;
  return !(error instanceof ApiProblem) || error.status === 0 || error.status >= 500;
}

/** A 401 on any read means that the session is over: the shell then asks to sign in again. */
function endSession(client: QueryClient, error: unknown): void {
  if (!(error instanceof ApiProblem) || error.status !== 401) return;
  client.setQueryData(
    sessionQuery.queryKey,
    (session) => session && { ...session, authenticated: false, person: null },
  );
}

export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error) => endSession(client, error) }),
    defaultOptions: {
      queries: { staleTime: 10_000, retry: worthRetrying, refetchOnWindowFocus: true },
      mutations: { retry: false },
    },
  });
  return client;
}
