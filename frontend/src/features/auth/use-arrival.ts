/** What happens once somebody is signed in: fresh data, and on to where they wanted to go. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { sessionQuery } from "@/lib/session";

/** Only addresses of this site: "//evil.example" and "https://…" are not places to go. */
export function safeTarget(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/";
}

export function useArrival() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useCallback(
    async (next?: string) => {
      queryClient.clear();
      await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
      await navigate({ to: safeTarget(next) });
    },
    [queryClient, navigate],
  );
}
