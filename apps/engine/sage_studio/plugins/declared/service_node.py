"""Running an operation of a service: sign in, ask, go on through the pages."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import Json
from sage_studio.plugins.declared.calls import (
    BUSY,
    EXPIRED,
    WRONG_CREDENTIAL,
    Call,
    at,
    body_of,
    call_of,
    filled,
)
from sage_studio.plugins.declared.service_spec import BASE_URL, CREDENTIAL, LIMIT, OPERATION, service_spec
from sage_studio.plugins.declared.shapes import Auth, Paging, Service, TokenExchange
from sage_studio.plugins.declared.signing import SIGNERS
from sage_studio.plugins.declared.tokens import TOKENS, Exchanged, token_key
from sage_studio.sdk import Context, Effect, HttpResponse, Node, NodeError, NodeOutput, NodeSpec, Settings

MAX_BYTES = 32 << 20
TRIES = 4
_LONGEST_WAIT_S = 30.0
_MOST_PAGES = 10_000
_CREDENTIAL = re.compile(r"\{credential\.([a-z_]+)\}")
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*rel="?next"?')


def service_node(described: Service) -> type[Node]:
    """The node class of a service. Raises SageError ``plugin.bad_manifest``."""

    class ServiceNode(Node):
        __doc__ = described.description["en"]
        spec: ClassVar[NodeSpec] = service_spec(described)
        service: ClassVar[Service] = described

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            return await _Run(described, Settings(self.spec, ctx, inputs), ctx).outputs()

        @classmethod
        def effect(cls, config: Mapping[str, Json]) -> Effect:
            chosen = config.get(OPERATION)
            found = [operation for operation in described.operations if operation.id == chosen]
            return (found or described.operations)[0].effect_class

    return ServiceNode


class _Run:
    """One attempt."""

    def __init__(self, service: Service, settings: Settings, ctx: Context) -> None:
        self._service = service
        self._settings = settings
        self._ctx = ctx
        chosen = settings.text(OPERATION)
        self._operation = next(entry for entry in service.operations if entry.id == chosen)
        self._auth: Auth = self._operation.auth or service.auth
        self._credential = settings.text(CREDENTIAL) if service.credential_kinds else ""
        self._token = ""
        self._token_key = ""

    async def outputs(self) -> NodeOutput:
        call = call_of(self._service, self._operation, self._base_url(), self._values())
        if self._operation.items is None:
            body, _response = await self._ask(call)
            return {"result": at(body, self._operation.result), "items": []}
        return await self._list(call, self._settings.integer(LIMIT))

    def _base_url(self) -> str:
        is_field = self._service.base_url.is_field
        return self._settings.text(BASE_URL).strip() if is_field else self._service.base_url.default

    def _values(self) -> dict[str, Any]:
        return {entry.name: self._value(entry.name) for entry in self._operation.parameters}

    def _value(self, name: str) -> Any:
        """A parameter, held to its type and bounds."""
        settings = self._settings
        field = self._service_field(name)
        raw = settings.raw(name)
        if raw is None or raw == "":
            return None
        readers = {"string": settings.text, "integer": settings.integer, "number": settings.number,
                   "boolean": settings.flag, "object": settings.mapping}  # fmt: skip
        if field == "array":
            return list(raw) if isinstance(raw, (list, tuple)) else settings.texts(name)
        return readers[field](name) if field in readers else raw

    def _service_field(self, name: str) -> str:
        found = self._settings.spec.field(name)
        return "any" if found is None else found.type

    # Lists

    async def _list(self, call: Call, limit: int) -> NodeOutput:
        paging, items, page = self._operation.paging, list[Any](), 0
        if paging is not None:
            call = _first(call, paging, limit)
        while True:
            body, response = await self._ask(call)
            found = at(body, self._operation.items or "")
            new = found if isinstance(found, list) else []
            items += new
            page += 1
            following = (
                None if paging is None else _next(call, paging, body, response, count=len(new), page=page)
            )
            if following is None or len(items) >= limit or page >= _MOST_PAGES or following == call:
                return {"result": at(body, self._operation.result), "items": items[:limit]}
            self._ctx.progress(len(items), None)
            call = following
            await asyncio.sleep(self._service.wait_between_s)

    # Requests

    async def _ask(self, call: Call) -> tuple[Any, HttpResponse]:
        """The answer's body. Waits as long as a service asks that has had too many requests."""
        for attempt in range(TRIES):
            response = await self._send(call)
            try:
                return body_of(self._service, self._operation, response), response
            except NodeError as error:
                if error.code is EXPIRED and self._token:
                    TOKENS.drop(self._token_key, self._token)
                    self._token = ""
                    if attempt == 0:
                        continue
                if error.code is not BUSY or attempt == TRIES - 1:
                    raise
            wait_s = min(retry_after_s(response.headers) or 2.0**attempt, _LONGEST_WAIT_S)
            self._ctx.log("retry", level="warning", status=response.status, wait_s=wait_s)
            await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, call: Call) -> HttpResponse:
        credential: str | None = self._credential or None
        is_held_here = self._auth.path or self._auth.sign or self._auth.token is not None
        if is_held_here and self._credential:
            fields = await self._fields(call.url)
            call = await self._signed_in(call, fields)
            credential = None
        content, headers = call.content()
        return await self._ctx.http.request(
            call.method,
            call.url,
            headers={**headers, **call.headers},
            params=call.query or None,
            content=content,
            max_bytes=MAX_BYTES,
            timeout_s=60,
            credential=credential,
        )

    async def _fields(self, url: str) -> Mapping[str, str]:
        """The credential's own values, toward the host the request goes to."""
        target = urlsplit(url)
        fields = await self._ctx.credential(self._credential, host=target.hostname or "", port=target.port)
        for name in self._auth.needs:
            if not fields.get(name):
                facts: dict[str, Json] = {"operation": self._operation.name["en"], "field": name}
                raise NodeError(WRONG_CREDENTIAL, facts)
        return fields

    async def _signed_in(self, call: Call, fields: Mapping[str, str]) -> Call:
        auth = self._auth
        if auth.path:
            url = _CREDENTIAL.sub(lambda found: fields.get(found.group(1), ""), call.url)
            query = {name: _CREDENTIAL.sub(lambda found: fields.get(found.group(1), ""), value)
                     for name, value in call.query.items()}  # fmt: skip
            call = replace(call, url=url, query=query)
        if auth.sign and fields.get("secret"):
            signature = SIGNERS[auth.sign](fields["secret"], time.time())
            call = call.with_query(**signature.query)
            call = call.with_body(**signature.body) if signature.body else call
        if auth.token is not None:
            call = _with_token(call, auth.token.send, await self._token_of(auth.token, fields))
        return call

    async def _token_of(self, exchange: TokenExchange, fields: Mapping[str, str]) -> str:
        if not self._token:
            url = f"{self._base_url().rstrip('/')}{exchange.url}"
            self._token_key = token_key(self._service.id, url, fields)
            self._token = await TOKENS.held(self._token_key, lambda: self._exchanged(exchange, url, fields))
        return self._token

    async def _exchanged(self, exchange: TokenExchange, url: str, fields: Mapping[str, str]) -> Exchanged:
        scope = {"credential": dict(fields)}
        call = Call(
            exchange.method, url, filled(exchange.query, scope), {}, filled(exchange.body, scope) or None
        )
        content, headers = call.content()
        response = await self._ctx.http.request(
            call.method, call.url, headers=headers, params=call.query or None, content=content, timeout_s=30
        )
        answer = body_of(self._service, self._operation, response)
        told = at(answer, exchange.lives_at) if exchange.lives_at else None
        lives_s = float(told) if isinstance(told, (int, float)) else float(exchange.lives_s)
        return Exchanged(str(at(answer, exchange.result) or ""), lives_s)


def _with_token(call: Call, send: str, token: str) -> Call:
    kind, _, name = send.partition(":")
    if kind == "query":
        return call.with_query(**{name: token})
    header = {name: token} if kind == "header" else {"Authorization": f"Bearer {token}"}
    return replace(call, headers={**call.headers, **header})


def _first(call: Call, paging: Paging, limit: int) -> Call:
    """The request of the first page; no page is bigger than what is wanted of it."""
    if paging.size_parameter:
        call = _put(call, paging, paging.size_parameter, min(paging.size, max(limit, 1)))
    if paging.kind in ("page", "offset"):
        call = _put(call, paging, paging.parameter, paging.first)
    return call


def _next(
    call: Call, paging: Paging, body: Any, response: HttpResponse, *, count: int, page: int
) -> Call | None:
    """The request of the page after this one, which is number ``page`` and had ``count`` entries."""
    if paging.kind == "cursor":
        cursor = at(body, paging.next)
        return _put(call, paging, paging.parameter, cursor) if cursor else None
    if paging.kind in ("url", "link"):
        url = at(body, paging.next) if paging.kind == "url" else _linked(response)
        return _elsewhere(call, urljoin(call.url, url)) if isinstance(url, str) and url else None
    asked = (
        int(call.query.get(paging.size_parameter, paging.size)) if paging.place == "query" else paging.size
    )
    if count < asked:
        return None
    at_now = paging.first + (page if paging.kind == "page" else page * asked)
    return _put(call, paging, paging.parameter, at_now)


def _linked(response: HttpResponse) -> str:
    links = {name.lower(): value for name, value in response.headers.items()}.get("link", "")
    found = _NEXT.search(links)
    return found.group(1) if found else ""


def _put(call: Call, paging: Paging, name: str, value: Any) -> Call:
    return call.with_query(**{name: value}) if paging.place == "query" else call.with_body(**{name: value})


def _elsewhere(call: Call, url: str) -> Call | None:
    """An address the service names: on the same host only, as it is asked with the same credential."""
    target, own = urlsplit(url), urlsplit(call.url)
    if (target.scheme, target.netloc) != (own.scheme, own.netloc):
        return None
    return replace(call, url=target._replace(fragment="").geturl(), query={})
