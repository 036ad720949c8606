/** The typed client: addresses, parameters and bodies are checked against the generated schema. */
import createClient from "openapi-fetch";
import { addHeaders, problemOf } from "./http";
import { offlineProblem } from "./problem";
import type { paths } from "./schema";

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  // Looked up at call time, so that a test can put its own server in the way.
  fetch: (request) => globalThis.fetch(request),
});

api.use({
  onRequest({ request }) {
    addHeaders(request.headers, request.method);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
  },
  onError({ error, request }) {
    if (error instanceof TypeError && !request.signal.aborted) return offlineProblem();
  },
});

/** The answer's body. Failures have been thrown as `ApiProblem` by then. */
export async function read<Data>(call: Promise<{ data?: Data }>): Promise<Data> {
  return (await call).data as Data;
}

/** The path parameter almost every address has. */
export const inWorkspace = (workspaceId: string) => ({ workspace_id: workspaceId });
