"""What an expression gives with the values of a run: where sync meets async, for what needs JavaScript."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync

from sage_studio.engine.handing_over import settled_value
from sage_studio.expressions.handing import HandedOver, compile_handing_over
from sage_studio.sandbox import close_code_runner


def expression_value(text: str, scope: Mapping[str, Any]) -> Any:
    """The value of a text with expressions in it. Raises SageError ``expression.*`` and ``sandbox.*``."""
    template = compile_handing_over(text)
    found = template.evaluate(scope)
    return async_to_sync(_settled)(found, text) if isinstance(template, HandedOver) else found


async def _settled(pending: Any, text: str) -> Any:
    try:
        return await settled_value(pending, text)
    finally:
        if len(asyncio.all_tasks()) == 1:
            close_code_runner()  # the loop was made for this call (no server runs on it) and ends with it
