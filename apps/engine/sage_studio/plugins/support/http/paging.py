"""Where the next page of an answer is: in a header, in the body, or one further."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from sage_studio.kernel import define_error
from sage_studio.plugins.support.http.sending import Request
from sage_studio.sdk import NodeError

NO_ITEMS = define_error(
    "http_request.no_items",
    3563,
    en="A page of the answer has no list at “{path}”.",
    zh="响应页面中的“{path}”不是列表。",
    hint_en="Look at one page without paging, and name the place of its list, such as data.items.",
    hint_zh="请先关闭分页查看一页内容，再填写列表所在位置，例如 data.items。",
    status=502,
)
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,]+))*)")
_NEXT = re.compile(r"\brel\s*=\s*(?:\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Paging:
    """``kind`` is link, next_url, cursor, page or offset. ``path`` is where body holds the next address or
    cursor, ``items`` where it holds the list, ``param`` the parameter that asks for the next page."""

    kind: str
    path: str = ""
    items: str = ""
    param: str = ""
    first: int = 1

    def start(self, request: Request) -> Request:
        if self.kind in {"page", "offset"}:
            return replace(request, params={**request.params, self.param: str(self.first)})
        return request

    def items_of(self, body: Any) -> list[Any]:
        """Raises NodeError ``http_request.no_items``."""
        found = value_at(body, self.items)
        if isinstance(found, list):
            return found
        if found is None and self.kind in {"page", "offset"}:
            return []
        raise NodeError(NO_ITEMS, {"path": self.items or "–"}, path="config.items_path")

    def next(
        self, request: Request, url: str, headers: Mapping[str, str], body: Any, *, page: int, given: int
    ) -> Request | None:
        """The request for the page after number ``page`` (from 0); None: that was the last. ``given`` items
        have come so far."""
        if self.kind == "link":
            return _to(request, url, link_to_next(headers.get("link", "")))
        if self.kind == "next_url":
            return _to(request, url, value_at(body, self.path))
        if self.kind == "cursor":
            cursor = value_at(body, self.path)
            if cursor in (None, "", False):
                return None
            return replace(request, params={**request.params, self.param: str(cursor)})
        if not self.items_of(body):
            return None
        number = self.first + page + 1 if self.kind == "page" else self.first + given
        return replace(request, params={**request.params, self.param: str(number)})


def _to(request: Request, url: str, target: Any) -> Request | None:
    """A next address holds its own parameters."""
    return (
        replace(request, url=urljoin(url, target), params={}) if isinstance(target, str) and target else None
    )


def link_to_next(header: str) -> str:
    """RFC 8288."""
    return next((match[1] for match in _LINK.finditer(header) if _NEXT.search(match[2])), "")


def value_at(body: Any, path: str) -> Any:
    """``data.items`` or ``data.0.next``; empty: all of it. None where there is nothing."""
    value = body
    for step in filter(None, path.split(".")):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.lstrip("-").isdigit() and -len(value) <= int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
