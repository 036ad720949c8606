"""Cursor paging by a unique, ordered key."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.common.errors import Invalid
from sage_studio.kernel import Json

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of rows and the cursor of the next, if there is one."""

    items: Sequence[M]
    next_cursor: str | None


def page_response(page: Page[M], item: type[BaseSerializer[Any]], **extra: Json) -> Response:
    """The answer of every list: ``{items, next_cursor}`` and what else the list carries."""
    items = item(page.items, many=True).data
    return Response({"items": items, "next_cursor": page.next_cursor, **extra})


def _bad_cursor() -> Invalid:
    return Invalid("cursor", "cursor", "This cursor does not belong to this list.")


def _encode(values: list[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, count: int) -> list[str]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(values, list) or len(values) != count or not all(isinstance(v, str) for v in values):
        raise _bad_cursor()
    return values


def limit_of(request: Request) -> int:
    """``?limit=`` between 1 and 200. Raises Invalid."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise Invalid("limit", "limit", f"The limit is a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def paginate(request: Request, rows: QuerySet[M], *, order: str = "-created_at") -> Page[M]:
    """A page of ``rows`` ordered by ``order`` (a field, ``-`` for newest first) and then by id."""
    descending = order.startswith("-")
    field = order.lstrip("-")
    limit = limit_of(request)
    sign, compare = ("-", "lt") if descending else ("", "gt")
    if cursor := request.query_params.get("cursor"):
        value_text, id_text = _decode(cursor, 2)
        value, last_id = _python_value(rows, field, value_text), _python_value(rows, "pk", id_text)
        rows = rows.filter(
            Q(**{f"{field}__{compare}": value}) | Q(**{field: value, f"pk__{compare}": last_id})
        )
    found = list(rows.order_by(f"{sign}{field}", f"{sign}pk")[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], _encode([getattr(last, field), last.pk]))


def paginate_by_place(request: Request, rows: QuerySet[M]) -> Page[M]:
    """A page of rows whose order has no single key, by their place in it: for lists that grow at their
    end only. Asking for a late page costs passing over the earlier ones."""
    limit = limit_of(request)
    start = 0
    if cursor := request.query_params.get("cursor"):
        (text,) = _decode(cursor, 1)
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise _bad_cursor()
        start = int(text)
    found = list(rows[start : start + limit + 1])
    return Page(found[:limit], _encode([start + limit]) if len(found) > limit else None)


def _python_value(rows: QuerySet[M], name: str, text: str) -> Any:
    """``text`` as the field's own type. Raises Invalid when it is not one."""
    meta = rows.model._meta  # noqa: SLF001 - Django's documented way to a field
    model_field = meta.pk if name == "pk" else meta.get_field(name)
    try:
        value = model_field.to_python(text)  # type: ignore[union-attr]
        # Times at the ends of the calendar have no counterpart in UTC, which the database asks for.
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    except Exception:  # noqa: BLE001 - each field type raises its own; all mean the same here
        raise _bad_cursor() from None
