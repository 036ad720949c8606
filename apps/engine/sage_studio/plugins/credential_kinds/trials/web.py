"""Trying a credential by a request."""

from __future__ import annotations

from sage_studio.kernel import Text
from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict
from sage_studio.sdk import HttpResponse, HttpTest, text

_MAX_BYTES = 1 << 20
_REFUSING = frozenset({401, 403})


async def try_request(trial: Trial, test: HttpTest) -> Verdict:
    """One GET. A service of a kind must answer well; a host people named must only not refuse."""
    is_service = test.url.startswith(("http", "{"))
    address = trial.url or _address(trial, test)
    answer = await trial.http.request(
        "GET", address, timeout_s=TIMEOUT_S, max_bytes=_MAX_BYTES, credential=trial.opened.name or "new"
    )
    if answer.status in _REFUSING:
        said = text("The host refused the credential.", "主机拒绝了该凭据。")
        return Verdict(False, said, answer.status)
    if is_service and answer.status >= 400:
        said = text(f"The service answered {answer.status}.", f"服务返回状态码 {answer.status}。")
        return Verdict(False, said, answer.status)
    return Verdict(True, _welcome(answer, test), answer.status)


def _address(trial: Trial, test: HttpTest) -> str:
    if test.url.startswith("/"):
        return f"https://{trial.opened.hosts[0]}{test.url}"
    return test.url.format_map({name: value.rstrip("/") for name, value in trial.fields.items()})


def _welcome(answer: HttpResponse, test: HttpTest) -> Text:
    if "json" in answer.headers.get("content-type", ""):
        shape = answer.json()
        if isinstance(shape, dict) and test.names_field and shape.get(test.names_field):
            who = str(shape[test.names_field])[:100]
            return text(f"Signed in as {who}.", f"已登录为 {who}。")
        models = shape.get("data") if isinstance(shape, dict) else None
        if test.url.endswith("/models") and isinstance(models, list):
            count = len(models)
            return text(f"It works: {count} models are offered.", f"可用：共提供 {count} 个模型。")
    return text("The host accepted the credential.", "主机接受了该凭据。")
