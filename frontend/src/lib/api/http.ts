/** What every request carries and what every failure becomes; and a plain door for addresses without a schema. */
import { currentLanguage } from "@/i18n";
import { ApiProblem, isProblemDocument, offlineProblem, plainProblem } from "./problem";

export type Query = Record<string, string | number | boolean | null | undefined>;

type Options = {
  body?: unknown;
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
};

export function csrfToken(): string {
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
}

/** Session cookies go along by themselves; unsafe methods also carry the CSRF token. */
export function addHeaders(headers: Headers, method: string): void {
  headers.set("Accept", "application/json");
  headers.set("Accept-Language", currentLanguage());
  if (method !== "GET") headers.set("X-CSRFToken", csrfToken());
}

export function withQuery(path: string, query: Query | undefined): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Sends and returns the raw answer; throws `ApiProblem` unless it is a success. */
export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  addHeaders(headers, method);
  let body: BodyInit | null = null;
  if (options.body instanceof FormData) body = options.body;
  else if (options.body instanceof Blob) {
    headers.set("Content-Type", "application/octet-stream");
    body = options.body;
  } else if (options.body !== undefined) {
    headers.set("Content-Type", "application/json");
    body = JSON.stringify(options.body);
  }
  const response = await fetch(withQuery(path, options.query), {
    method,
    headers,
    body,
    credentials: "same-origin",
    signal: options.signal ?? null,
  }).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    throw offlineProblem();
  });
  if (response.ok) return response;
  throw await problemOf(response);
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const document: unknown = await response.json().catch(() => null);
  return isProblemDocument(document) ? new ApiProblem(document) : plainProblem(response.status);
}

async function call<T>(method: string, path: string, options?: Options): Promise<T> {
  const response = await send(method, path, options);
  if (response.status === 204 || response.headers.get("Content-Length") === "0") return undefined as T;
  return (await response.json()) as T;
}

export const http = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    call<T>("GET", path, { query: query ?? {}, signal }),
  post: <T>(path: string, body?: unknown, headers?: Record<string, string>) =>
    call<T>("POST", path, { body: body ?? {}, headers: headers ?? {} }),
  patch: <T>(path: string, body: unknown) => call<T>("PATCH", path, { body }),
  put: <T>(path: string, body: unknown) => call<T>("PUT", path, { body }),
  delete: (path: string) => call<void>("DELETE", path),
};

export const apiRoot = "/api/v1";
export const workspacePath = (workspaceId: string, rest = ""): string =>
  `${apiRoot}/workspaces/${encodeURIComponent(workspaceId)}${rest}`;
