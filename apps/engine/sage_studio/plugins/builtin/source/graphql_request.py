"""Asks a GraphQL service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.common_fields import HEADERS, time_limit, tries_again
from sage_studio.plugins.support.http.sending import Request, send
from sage_studio.sdk import (
    Choice,
    Context,
    Effect,
    Field,
    HttpResponse,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

FAILED = define_error(
    "graphql.failed",
    3571,
    en="The service could not answer: {reason}{place}",
    zh="服务返回错误：{reason}{place}",
    hint_en="Correct the query or its variables; “Partial answers are fine” goes on with what came.",
    hint_zh="请修正查询或变量；开启“接受部分结果”可继续使用已返回的数据。",
    status=502,
)
NOT_GRAPHQL = define_error(
    "graphql.not_graphql",
    3572,
    en="{host} does not answer as GraphQL does (status {status}).",
    zh="{host} 的响应不是 GraphQL 格式（状态码 {status}）。",
    hint_en="Check the address, it often ends with /graphql, and the credential.",
    hint_zh="请检查网址（通常以 /graphql 结尾）和凭据。",
    status=502,
)
_MIME = "application/graphql-response+json, application/json;q=0.9"


class GraphqlRequest(Node):
    """Speaks GraphQL over HTTP. A query may be repeated, a mutation only where the service did nothing."""

    spec = NodeSpec(
        id="graphql_request",
        name=text("GraphQL request", "GraphQL 请求"),
        description=text(
            "Sends a query or mutation with variables to a GraphQL service and gives its data.",
            "向 GraphQL 服务发送带变量的查询或变更，并输出其数据。",
        ),
        category="source",
        icon="braces",
        gives_all=True,
        effect="at_most_once",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="data", type="any", label=text("Data", "数据")),
            Port(name="errors", type="array<object>", label=text("Errors", "错误")),
        ),
        config=(
            Field(
                name="url",
                label=text("Address", "网址"),
                default="",
                required=True,
                max_length=4_000,
                placeholder=text("https://example.org/graphql", "https://example.org/graphql"),
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                help=text("Sent only to the hosts it allows.", "仅发送给凭据允许的主机。"),
                default="",
                control="credential",
                credential_kinds=("bearer", "api_key", "basic", "query_key", "oauth2"),
                expression="never",
            ),
            Field(
                name="kind",
                label=text("Kind", "类型"),
                default="query",
                control="select",
                expression="never",
                options=(
                    Choice(value="query", label=text("Query (reads)", "查询（只读）")),
                    Choice(value="mutation", label=text("Mutation (changes)", "变更（修改数据）")),
                ),
            ),
            Field(
                name="query",
                label=text("Query", "查询语句"),
                help=text("Values belong under “Variables”: $name.", "值请填写在“变量”中，并以 $name 引用。"),
                default="",
                required=True,
                control="code",
                max_length=200_000,
                expression="never",
                shared_text=True,
                placeholder=text(
                    "query ($id: ID!) { user(id: $id) { name } }",
                    "query ($id: ID!) { user(id: $id) { name } }",
                ),
            ),
            Field(
                name="variables",
                type="object",
                label=text("Variables", "变量"),
                default={},
                control="key_value",
                wireable=True,
            ),
            Field(
                name="operation",
                label=text("Operation", "操作名"),
                help=text("Only if the query holds several.", "仅当语句包含多个操作时填写。"),
                default="",
                max_length=200,
                expert=True,
            ),
            Field(
                name="partial",
                type="boolean",
                label=text("Partial answers are fine", "接受部分结果"),
                help=text(
                    "Off: any error fails the node. On: data go on, errors come out beside them.",
                    "关闭时任何错误都会使节点失败；开启后数据继续输出，错误单独输出。",
                ),
                default=False,
                control="switch",
            ),
            HEADERS,
            tries_again(2, most=10),
            time_limit(30, most=600),
        ),
        summary=text("{url}", "{url}"),
        default_timeout_s=900,
        example={
            "config": {"url": "https://example.org/graphql", "query": "{ viewer { name } }"},
            "inputs": {},
            "needs": "http",
        },
    )

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        return "at_most_once" if config.get("kind") == "mutation" else "idempotent"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        response = await send(ctx, _request(settings))
        answer = _answer(response)
        errors = [
            entry if isinstance(entry, Mapping) else {"message": str(entry)} for entry in answer["errors"]
        ]
        data = answer["data"]
        if errors and not (settings.flag("partial") and data is not None):
            raise _failure(errors)
        if errors:
            ctx.log(
                "graphql_errors",
                level="warning",
                count=len(errors),
                first=str(errors[0].get("message"))[:300],
            )
        return {"data": data, "errors": [dict(error) for error in errors]}


def _request(settings: Settings) -> Request:
    body: dict[str, Any] = {"query": settings.text("query"), "variables": settings.mapping("variables")}
    if operation := settings.text("operation"):
        body["operationName"] = operation
    headers = {name: str(value) for name, value in settings.mapping("headers").items()}
    return Request(
        method="POST",
        url=settings.text("url").strip(),
        headers={**headers, "Content-Type": "application/json", "Accept": _MIME},
        content=json.dumps(body, ensure_ascii=False, default=str).encode(),
        credential=settings.text("credential") or None,
        timeout_s=settings.number("timeout_s"),
        repeatable=settings.text("kind") == "query",
        retries=settings.integer("retries"),
    )


def _answer(response: HttpResponse) -> dict[str, Any]:
    """``data`` and ``errors``. Raises NodeError ``graphql.not_graphql``."""
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, Mapping) or not ("data" in answer or isinstance(answer.get("errors"), list)):
        host = response.url.split("/")[2] if "//" in response.url else response.url
        retryable = response.status in {429, 502, 503, 504}
        raise NodeError(NOT_GRAPHQL, {"host": host, "status": response.status}, retryable=retryable)
    errors = answer.get("errors")
    return {"data": answer.get("data"), "errors": errors if isinstance(errors, list) else []}


def _failure(errors: list[Mapping[str, Any]]) -> NodeError:
    first = errors[0]
    path, places = first.get("path"), first.get("locations")
    place = f" (at {'.'.join(map(str, path))})" if isinstance(path, list) and path else ""
    if not place and isinstance(places, list) and places and isinstance(places[0], Mapping):
        place = f" (line {places[0].get('line')}, column {places[0].get('column')})"
    more = f" (+{len(errors) - 1})" if len(errors) > 1 else ""
    reason = f"{str(first.get('message'))[:500]}{more}"
    return NodeError(FAILED, {"reason": reason, "place": place, "count": len(errors)}, path="config.query")
