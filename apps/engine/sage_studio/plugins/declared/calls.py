"""From the settings of a node to the request of an operation, and from the answer to what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from sage_studio.expressions import compile_template
from sage_studio.kernel import Json, SageError, define_error
from sage_studio.plugins.declared.shapes import Errors, Operation, Service
from sage_studio.plugins.declared.signing import MAKERS
from sage_studio.sdk import HttpResponse, NodeError

REFUSED = define_error(
    "service.refused",
    3811,
    en="{service} refused “{operation}” ({status}): {message}",
    zh="{service} 拒绝了“{operation}”（{status}）：{message}",
    hint_en="Check the settings of the node against what the service says.",
    hint_zh="请根据服务返回的信息检查节点设置。",
    status=502,
)
NOT_ALLOWED = define_error(
    "service.not_allowed",
    3812,
    en="{service} does not accept the credential for “{operation}” ({status}): {message}",
    zh="{service} 不接受用于“{operation}”的凭据（{status}）：{message}",
    hint_en="Renew the credential, or give it the rights this operation needs.",
    hint_zh="请更新凭据，或为其授予该操作所需的权限。",
    status=502,
)
BUSY = define_error(
    "service.busy",
    3813,
    en="{service} has had too many requests; “{operation}” was not done: {message}",
    zh="对 {service} 的请求过多，“{operation}”未执行：{message}",
    hint_en="Let the node try again later (“Try again” in its settings), or ask less often.",
    hint_zh="请在节点设置中启用重试，或降低请求频率。",
    status=503,
    retryable=True,
)
NOT_JSON = define_error(
    "service.answer",
    3814,
    en="{service} gave an answer to “{operation}” that cannot be read.",
    zh="{service} 对“{operation}”返回了无法解析的响应。",
    hint_en="Check the address: is it that of the interface, and not of a web page?",
    hint_zh="请检查地址是否为接口地址，而不是网页地址。",
    status=502,
)
NO_PARAMETER = define_error(
    "service.parameter_missing",
    3815,
    en="“{operation}” needs “{parameter}”.",
    zh="“{operation}”需要“{parameter}”。",
    status=422,
)
WRONG_CREDENTIAL = define_error(
    "service.credential_kind",
    3816,
    en="“{operation}” needs another kind of credential: this one has no “{field}”.",
    zh="“{operation}”需要其他类型的凭据：当前凭据没有“{field}”。",
    status=422,
)
EXPIRED = define_error(
    "service.token_ended",
    3817,
    en="{service} no longer accepts the app's token for “{operation}” ({status}): {message}",
    zh="{service} 不再接受应用令牌，“{operation}”未执行（{status}）：{message}",
    hint_en="Check the app's secret in the credential, and that the app is active.",
    hint_zh="请检查凭据中的应用密钥，并确认应用已启用。",
    status=502,
)
_MESSAGE_LENGTH = 400
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Call:
    """A request before it is signed in."""

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    body_type: str = "json"

    def with_query(self, **more: Any) -> Call:
        return replace(self, query={**self.query, **{name: str(value) for name, value in more.items()}})

    def with_body(self, **more: Any) -> Call:
        return replace(self, body={**(self.body or {}), **more})

    def content(self) -> tuple[bytes | None, dict[str, str]]:
        """The body as bytes, and what the request's headers say of it."""
        if self.body is None or self.body_type == "none":
            return None, {}
        if self.body_type == "form":
            pairs = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in self.body.items()
            }
            return urlencode(pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        return json.dumps(self.body, ensure_ascii=False).encode(), {
            "Content-Type": "application/json; charset=utf-8"
        }


def call_of(service: Service, operation: Operation, base_url: str, values: Mapping[str, Any]) -> Call:
    """The request of an operation with the values of its parameters.

    Raises NodeError ``service.parameter_missing``, and ExpressionError.
    """
    _demand(operation, values)
    path = operation.path
    query: dict[str, Any] = dict(filled(operation.query, values))
    headers: dict[str, str] = {**service.headers, **filled(operation.headers, values)}
    body: dict[str, Any] = {}
    for parameter in operation.parameters:
        name, value = parameter.name, values.get(parameter.name)
        place = parameter.place or _place(operation, name)
        if place == "path":
            path = path.replace(f"{{{name}}}", quote(_plain(value), safe="/" if parameter.slashes else ""))
        elif value in _EMPTY or place == "none":
            continue
        elif place == "query":
            query[parameter.key or name] = value
        elif place == "header":
            headers[parameter.key or name] = _plain(value)
        else:
            put(body, (parameter.key or name).split("."), value)
    if operation.make:
        made: Any = MAKERS[operation.make](values)
    elif operation.body is not None:
        made = without_empty(filled(operation.body, values))
    else:
        made = body if body or operation.method in ("POST", "PUT", "PATCH") else None
    plain = {name: _plain(value) for name, value in query.items() if value not in _EMPTY}
    return Call(operation.method, f"{base_url.rstrip('/')}{path}", plain, headers, made, operation.body_type)


def _demand(operation: Operation, values: Mapping[str, Any]) -> None:
    for parameter in operation.parameters:
        if parameter.details.get("required") and values.get(parameter.name) in _EMPTY:
            facts: dict[str, Json] = {"operation": operation.name["en"], "parameter": parameter.name}
            raise NodeError(NO_PARAMETER, facts, path=f"config.{parameter.name}")


def _place(operation: Operation, name: str) -> str:
    if f"{{{name}}}" in operation.path:
        return "path"
    return "query" if operation.method in ("GET", "DELETE") else "body"


def filled(template: Any, scope: Mapping[str, Any]) -> Any:
    """A template with its expressions evaluated."""
    if isinstance(template, str):
        return compile_template(template).evaluate(scope) if "{{" in template else template
    if isinstance(template, Mapping):
        return {key: filled(value, scope) for key, value in template.items()}
    return [filled(value, scope) for value in template] if isinstance(template, list) else template


def without_empty(value: Any) -> Any:
    """Nothing is sent for what nobody filled."""
    if isinstance(value, dict):
        kept = {key: without_empty(held) for key, held in value.items()}
        return {key: held for key, held in kept.items() if held not in _EMPTY}
    return [without_empty(entry) for entry in value] if isinstance(value, list) else value


def put(body: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value


def at(value: Any, path: str) -> Any:
    """What stands at ``data.list.0.name``; None where there is nothing."""
    for name in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def body_of(service: Service, operation: Operation, response: HttpResponse) -> Any:
    """The answer's value. Raises NodeError when it is not a good one."""
    if operation.answer == "text" and response.status < 400:
        return response.text()
    try:
        body: Any = response.json() if response.content.strip() else None
    except (ValueError, RecursionError, SageError):
        body = None
        if response.status < 400:
            raise NodeError(NOT_JSON, _facts(service, operation, response, "")) from None
    _judge(service, operation, response, body)
    return body


def _judge(service: Service, operation: Operation, response: HttpResponse, body: Any) -> None:
    rules, scope = service.errors, {"body": body, "status": response.status}
    is_fine = response.status < 400 and (not rules.fine or bool(filled(rules.fine, scope)))
    is_busy = response.status == 429 or bool(rules.busy and filled(rules.busy, scope))
    if is_fine and not is_busy:
        return
    facts = _facts(
        service, operation, response, _message(rules, body, scope) or response.text()[:_MESSAGE_LENGTH]
    )
    if is_busy:
        raise NodeError(BUSY, facts)
    if rules.expired and filled(rules.expired, scope):
        raise NodeError(EXPIRED, facts)
    if response.status in (401, 403):
        raise NodeError(NOT_ALLOWED, facts)
    may_repeat = operation.effect_class != "at_most_once" and response.status >= 500
    raise NodeError(REFUSED, facts, retryable=may_repeat)


def _facts(service: Service, operation: Operation, response: HttpResponse, message: str) -> dict[str, Json]:
    return {
        "service": service.name["en"],
        "operation": operation.name["en"],
        "status": response.status,
        "message": message[:_MESSAGE_LENGTH],
    }


_USUAL = ("message", "error.message", "error_description", "error", "msg", "errmsg", "detail", "description",
          "errorMessages.0")  # fmt: skip


def _message(rules: Errors, body: Any, scope: Mapping[str, Any]) -> str:
    if rules.message:
        said = filled(rules.message, scope)
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    found = (at(body, path) for path in _USUAL)
    return next((text for text in found if isinstance(text, str) and text), "")
