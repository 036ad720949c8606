/** The functions of expressions, as the server documents them. */
import { queryOptions } from "@tanstack/react-query";
import { http, workspacePath } from "./api";

/** What a function is a function of. */
export type FunctionKind = string;

export type ExpressionFunction = {
  kind: FunctionKind;
  name: string;
  signature: string;
  en: string;
  zh: string;
  example: string;
  result: unknown;
};

export const functionsQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: ["expression-functions", workspaceId],
    queryFn: async ({ signal }) =>
      (
        await http.get<{ items: ExpressionFunction[] }>(
          workspacePath(workspaceId, "/expressions/functions"),
          {},
          signal,
        )
      ).items,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** Kinds whose functions are called on a value; the others by their own name (`Math.max(…)`). */
const OF_VALUES = new Set(["text", "list", "number", "object", "date", "boolean"]);

export function isOfValue(kind: FunctionKind): boolean {
  return OF_VALUES.has(kind);
}

/** As it is written: `.trim()` on a value, `Math.max(a, b)` by itself. */
export function spelled(doc: ExpressionFunction): string {
  if (isOfValue(doc.kind)) return `.${doc.signature}`;
  return doc.kind === "function" ? doc.signature : `${doc.kind}.${doc.signature}`;
}

export function shownResult(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
