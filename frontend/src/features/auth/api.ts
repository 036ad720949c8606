/** Sign-in, sign-up, password reset (django-allauth headless, browser client) and invitations. */
import { queryOptions } from "@tanstack/react-query";
import { currentLanguage } from "@/i18n";
import { ApiProblem, api, csrfToken, offlineProblem, read } from "@/lib/api";

type AllauthAnswer = {
  status: number;
  errors?: { code: string; param?: string; message: string }[];
  meta?: { is_authenticated?: boolean };
};

/**
 * allauth answers 401 for "done, and you are not signed in" as well as for a pending step, so the
 * caller gets the answer and decides; only 400, 403, 409 and above are failures.
 */
async function allauth(method: string, path: string, body?: unknown): Promise<AllauthAnswer> {
  const response = await fetch(`/_allauth/browser/v1/auth/${path}`, {
    method,
    credentials: "same-origin",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "Accept-Language": currentLanguage(),
      "X-CSRFToken": csrfToken(),
    },
    body: body === undefined ? null : JSON.stringify(body),
  }).catch(() => {
    throw offlineProblem();
  });
  const answer = (await response.json().catch(() => ({ status: response.status }))) as AllauthAnswer;
  if (response.ok || response.status === 401) return { ...answer, status: response.status };
  throw problemOf(response.status, answer);
}

function problemOf(
  status: number,
  answer: AllauthAnswer & { title?: string; detail?: string; hint?: string },
): ApiProblem {
  const errors = answer.errors ?? [];
  const loose = errors.find((error) => !error.param) ?? errors[0];
  return new ApiProblem({
    status,
    title: loose?.message ?? answer.detail ?? answer.title ?? `HTTP ${status}`,
    ...(loose ? { code: loose.code } : {}),
    ...(answer.hint ? { hint: answer.hint } : {}),
    errors: errors.map(({ param, code, message }) => ({ path: param ?? "", code, message })),
  });
}

export type SignUp = {
  email: string;
  password: string;
  name: string;
  owner_code?: string;
  invitation?: string;
};

export const signIn = (email: string, password: string) => allauth("POST", "login", { email, password });
export const signUp = (form: SignUp) => allauth("POST", "signup", form);
export const signOut = () => allauth("DELETE", "session");
export const resetRequest = (email: string) => allauth("POST", "password/request", { email });
export const resetFinish = (key: string, password: string) =>
  allauth("POST", "password/reset", { key, password });

const byToken = (token: string) => ({ path: { token } });

export const invitationQuery = (token: string) =>
  queryOptions({
    queryKey: ["invitation", token],
    queryFn: ({ signal }) => read(api.GET("/api/v1/invitations/{token}", { params: byToken(token), signal })),
    retry: false,
  });

export const invitationAccept = (token: string) =>
  read(api.POST("/api/v1/invitations/{token}/accept", { params: byToken(token) }));
