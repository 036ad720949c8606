r"""Texts with ``{{ }}`` in them, compiled once and evaluated often.

A text that is one expression and nothing else keeps the value's type; any other text is joined.
``\{{`` writes two braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sage_studio.expressions.budget import CURRENT, MAX_STEPS, Budget
from sage_studio.expressions.compiler import BUILT_IN, Compiled, compile_path, compile_tree
from sage_studio.expressions.errors import TOO_DEEP, TOO_LONG, ExpressionError, fault
from sage_studio.expressions.lexer import tokens
from sage_studio.expressions.operators import leaving, to_text
from sage_studio.expressions.parser import RESERVED, parse_tokens
from sage_studio.kernel import Json

MAX_TEMPLATE_LENGTH = 1_000_000
MAX_EXPRESSIONS = 1_000
CACHED = 16_384
"""Compiled texts kept: room for a flow of 10,000 nodes, so that its plan finds what validation made."""
_DEPTH_SHOWN = 60
_PLAIN_PATH = re.compile(r"\{\{\s*(([A-Za-z_]\w*)(?:\.[A-Za-z_]\w*){0,20})\s*\}\}", re.ASCII)


class Template:
    """A compiled text. ``reads`` are the paths it reads from the scope (``retriever_a1b2.documents``);
    ``positions`` says at which character (from 1) each stands first."""

    __slots__ = ("_only", "_parts", "_slots", "is_literal", "positions", "reads", "source")

    def __init__(self, source: str, parts: list[str | Compiled]) -> None:
        self.source = source
        compiled = [part for part in parts if isinstance(part, Compiled)]
        self._parts = parts
        self._only = compiled[0].run if len(parts) == 1 and compiled else None
        self._slots: list[Any] = [None] * max([part.slots for part in compiled], default=0)
        self.is_literal = not compiled
        positions: dict[str, int] = {}
        for part in compiled:
            for path, at in part.reads.items():
                positions.setdefault(path, at + 1)
        self.positions: Mapping[str, int] = positions
        self.reads: frozenset[str] = frozenset(positions)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The text's value. ``scope`` holds JSON values by name and is only read.

        Raises ExpressionError with a code and the position.
        """
        budget = Budget()
        env: list[Any] = [scope, budget, *self._slots]
        token = CURRENT.set(budget)
        try:
            if self._only is not None:
                return leaving(self._only(env))
            return self._joined(env)
        except RecursionError as error:
            raise fault(TOO_DEEP, 0, limit=_DEPTH_SHOWN) from error
        finally:
            CURRENT.reset(token)

    def evaluate_each(self, scope: dict[str, Any], items: Sequence[Any], start: int = 0) -> list[Any]:
        """The text's value for each item, as ``item`` and ``index`` (from ``start``) in ``scope``, which
        is changed. Each item has a budget of its own.

        Raises ExpressionError whose fact ``item`` is the index.
        """
        budget = Budget()
        only, joined, slots = self._only, self._joined, self._slots
        found: list[Any] = []
        token = CURRENT.set(budget)
        try:
            for item in items:
                scope["item"] = item
                scope["index"] = start + len(found)
                budget.left = MAX_STEPS
                env: list[Any] = [scope, budget, *slots]
                found.append(joined(env) if only is None else leaving(only(env)))
        except RecursionError as error:
            raise fault(TOO_DEEP, 0, limit=_DEPTH_SHOWN, item=start + len(found)) from error
        except ExpressionError as error:
            error.facts["item"] = start + len(found)
            raise
        finally:
            CURRENT.reset(token)
        return found

    def _joined(self, env: list[Any]) -> str:
        pieces = [part if isinstance(part, str) else to_text(part.run(env), empty="") for part in self._parts]
        env[1].text(sum(map(len, pieces)))
        return "".join(pieces)


@lru_cache(maxsize=CACHED)
def compile_template(source: str) -> Template:
    """``source`` ready to evaluate. Raises ExpressionError with a code and the position."""
    if len(source) > MAX_TEMPLATE_LENGTH:
        raise fault(TOO_LONG, 0, limit=MAX_TEMPLATE_LENGTH)
    try:
        return Template(source, _split(source))
    except RecursionError as error:
        raise fault(TOO_DEEP, 0, limit=_DEPTH_SHOWN) from error


def evaluate(source: str, scope: Mapping[str, Any]) -> Json:
    """Compile and evaluate in one step."""
    value: Json = compile_template(source).evaluate(scope)
    return value


def _expression(source: str, start: int) -> tuple[Compiled, int]:
    """The expression whose ``{{`` stands at ``start``, and the offset behind its ``}}``."""
    plain = _PLAIN_PATH.match(source, start)
    if plain is not None and plain[2] not in RESERVED and plain[2] not in BUILT_IN:
        # Four of five expressions are paths; they need neither lexer nor tree.
        return compile_path(plain[1], plain.start(1)), plain.end()
    found, at = tokens(source, start + 2, closing="}}")
    return compile_tree(parse_tokens(found, source), source), at


def _split(source: str) -> list[str | Compiled]:
    """Literal texts and compiled expressions in turn; no empty literals."""
    parts: list[str | Compiled] = []
    literal = ""
    expressions = 0
    at = 0
    while (start := source.find("{{", at)) >= 0:
        if start > at and source[start - 1] == "\\":
            literal += source[at : start - 1] + "{{"
            at = start + 2
            continue
        literal += source[at:start]
        if literal:
            parts.append(literal)
        literal = ""
        part, at = _expression(source, start)
        parts.append(part)
        expressions += 1
        if expressions > MAX_EXPRESSIONS:
            raise fault(TOO_LONG, start, limit=MAX_TEMPLATE_LENGTH)
    literal += source[at:]
    if literal or not parts:
        parts.append(literal)
    return parts
