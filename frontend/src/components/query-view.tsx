/** The four states of a list in one frame: loading, error, empty, full. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ProblemBlock } from "./problem-view";

type Props<Data> = {
  query: Pick<UseQueryResult<Data>, "data" | "error" | "isPending" | "refetch">;
  skeleton: ReactNode;
  isEmpty?: (data: Data) => boolean;
  empty?: ReactNode;
  children: (data: Data) => ReactNode;
};

/** Data already shown stays when a later refresh fails; only a first failure takes the place of the list. */
export function QueryView<Data>({ query, skeleton, isEmpty, empty, children }: Props<Data>) {
  if (query.data !== undefined) {
    return isEmpty?.(query.data) ? empty : children(query.data);
  }
  if (query.error) return <ProblemBlock error={query.error} onRetry={() => void query.refetch()} />;
  return skeleton;
}
