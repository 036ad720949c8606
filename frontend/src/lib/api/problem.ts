/** Every failed call becomes one `ApiProblem`: what happened, what to try, and where (RFC 9457 from the server). */
import { defineText } from "@/i18n";

export type FieldProblem = { path: string; code: string; message: string };

export type ProblemDocument = {
  status: number;
  title: string;
  detail?: string;
  code?: string;
  number?: number;
  type?: string;
  hint?: string;
  errors?: FieldProblem[];
  request_id?: string;
};

const problemText = defineText("problem", {
  en: {
    offline: "The server cannot be reached",
    "offline.hint": "Check the connection, then try again.",
    unexpected: "The server answered with an error ({{status}})",
    "unexpected.hint": "Try again in a moment. If it stays, tell whoever runs this instance.",
    signedOut: "You are signed out",
    "signedOut.hint": "Sign in and try again.",
    forbidden: "You may not do this",
    "forbidden.hint": "Ask an owner of the workspace for the right.",
    missing: "This is not here",
    "missing.hint": "It may have been deleted, or you may not have access to it.",
    busy: "Too many requests",
    "busy.hint": "Wait a moment, then try again.",
  },
  zh: {
    offline: "无法连接服务器",
    "offline.hint": "请检查网络后重试。",
    unexpected: "服务器返回了错误（{{status}}）",
    "unexpected.hint": "请稍后再试；如果一直如此，请告诉管理员。",
    signedOut: "你已退出登录",
    "signedOut.hint": "请登录后重试。",
    forbidden: "你没有这个权限",
    "forbidden.hint": "请向工作区所有者申请。",
    missing: "这里没有你要找的内容",
    "missing.hint": "它可能已被删除，或你无权查看。",
    busy: "请求过于频繁",
    "busy.hint": "请稍等片刻再试。",
  },
});

export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  readonly helpNumber: number | null;
  readonly requestId: string | null;
  readonly fields: readonly FieldProblem[];

  constructor(document: ProblemDocument) {
    super(document.detail || document.title);
    this.status = document.status;
    this.code = document.code ?? `http.${document.status}`;
    this.hint = document.hint ?? "";
    this.helpNumber = document.number ?? null;
    this.requestId = document.request_id ?? null;
    this.fields = document.errors ?? [];
  }

  /** The message for one form field, by its path ("name", "fields.api_key"). */
  field(path: string): string | null {
    const found = this.fields.find(
      (field) => field.path === path || field.path === `/${path.replaceAll(".", "/")}`,
    );
    return found?.message ?? null;
  }
}

export function offlineProblem(): ApiProblem {
  const t = problemText.text;
  return new ApiProblem({ status: 0, code: "client.offline", title: t("offline"), hint: t("offline.hint") });
}

const plainKeys = { 401: "signedOut", 403: "forbidden", 404: "missing", 429: "busy" } as const;

/** For answers that are not problem documents (a proxy's page, an empty body). */
export function plainProblem(status: number): ApiProblem {
  const t = problemText.text;
  const key = plainKeys[status as keyof typeof plainKeys] ?? "unexpected";
  return new ApiProblem({ status, title: t(key, { status }), hint: t(`${key}.hint`) });
}

export function isProblemDocument(value: unknown): value is ProblemDocument {
  return typeof value === "object" && value !== null && "title" in value && "status" in value;
}

/** Anything a query or a mutation may throw, as a problem that can be shown. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof TypeError) return offlineProblem();
  return new ApiProblem({
    status: 0,
    code: "client.failed",
    title: error instanceof Error ? error.message : String(error),
  });
}
