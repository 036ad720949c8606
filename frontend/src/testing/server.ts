/** A server for tests: answers by "METHOD /path", remembers what was asked, refuses what it does not know. */
import { vi } from "vitest";
import type { Me, Session, Workspace } from "@/lib/api";

export type Asked = {
  method: string;
  path: string;
  search: URLSearchParams;
  body: unknown;
  headers: Headers;
};
type Handler = (asked: Asked) => unknown;
export type Routes = Record<string, Handler | unknown>;

export const owner: Me = {
  id: "11111111-1111-4111-8111-111111111111",
  name: "Lin Wei",
  email: "lin@example.com",
  color: 5,
  language: "en",
  is_admin: false,
};

export const session: Session = {
  authenticated: true,
  person: owner,
  instance: {
    needs_owner: false,
    needs_code: false,
    signup: "invite",
    version: "0.1.0",
    llm_configured: false,
  },
};

export const workspace: Workspace = {
  id: "22222222-2222-4222-8222-222222222222",
  name: "Acme Research",
  kind: "team",
  role: "owner",
  viewers_may_comment: true,
  viewers_see_values: true,
  keep_runs_days: 90,
  member_count: 3,
  created_at: "2026-11-01T00:00:00Z",
};

export const page = <Item>(items: Item[]) => ({ items, next_cursor: null });

/** An answer with a status of its own; plain values answer 200. */
export class Reply {
  constructor(
    readonly status: number,
    readonly body: unknown = null,
  ) {}
}

export const problem = (status: number, code: string, detail: string, more: object = {}): Reply =>
  new Reply(status, { status, code, title: detail, detail, hint: "", errors: [], ...more });

const basics: Routes = {
  "GET /api/v1/session": session,
  "GET /api/v1/workspaces": page([workspace]),
  "GET /api/v1/notifications": { ...page([]), unread: 0 },
  "GET /api/v1/templates": page([]),
};

function respond(value: unknown): Response {
  const reply = value instanceof Reply ? value : new Reply(200, value);
  if (reply.status === 204) return new Response(null, { status: 204 });
  const type = reply.status >= 400 ? "application/problem+json" : "application/json";
  return new Response(JSON.stringify(reply.body), {
    status: reply.status,
    headers: { "Content-Type": type },
  });
}

/** `/w` in a route stands for the test workspace's path. Later routes win over the basics. */
export function startServer(routes: Routes): { asked: Asked[] } {
  const asked: Asked[] = [];
  const all: Routes = {};
  for (const [key, value] of Object.entries({ ...basics, ...routes })) {
    all[key.replace(" /w", ` /api/v1/workspaces/${workspace.id}`)] = value;
  }
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const sent =
      input instanceof Request ? input : new Request(new URL(String(input), window.location.origin), init);
    const url = new URL(sent.url);
    const text = await sent.text();
    const request: Asked = {
      method: sent.method,
      path: url.pathname,
      search: url.searchParams,
      body: text === "" ? null : JSON.parse(text),
      headers: sent.headers,
    };
    asked.push(request);
    const found = all[`${request.method} ${request.path}`];
    if (found === undefined)
      return respond(problem(404, "common.not_found", `No answer for ${request.method} ${request.path}`));
    return respond(typeof found === "function" ? (found as Handler)(request) : found);
  });
  return { asked };
}
