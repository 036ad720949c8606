"""What nodes ask of a connection to a database, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sage_studio.kernel import define_error
from sage_studio.plugins.support.sql.statement import Bound, Notation
from sage_studio.sdk import NodeError

BAD_NAME = define_error(
    "sql.bad_name",
    3531,
    en="“{name}” cannot be the name of a table or column.",
    zh="“{name}”不能作为表名或列名。",
    hint_en="Names are 1 to 63 characters long and hold no control characters; write schema.table for a "
    "table of another schema.",
    hint_zh="名称长度为 1–63 个字符且不含控制字符；其他模式的表请写作 schema.table。",
    status=422,
)
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a result, with the names of its columns."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Session(Protocol):
    """A connection with an open transaction. All calls raise NodeError ``sql.*`` or ``server.*``."""

    notation: Notation
    name_quote: str

    def adapt(self, value: Any) -> Any:
        """A value of a flow as the driver takes it."""
        ...

    def rows(self, statement: Bound, *, size: int) -> AsyncIterator[Batch]:
        """The result in batches, in memory that does not grow with it; for a statement without a result one
        batch without names. ``affected`` is known when it has ended."""
        ...

    @property
    def affected(self) -> int:
        """Rows that the last statement changed, or -1."""
        ...

    async def execute(self, statement: Bound) -> int:
        """Without a result; rows changed."""
        ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...

    async def close(self) -> None: ...


def quoted(name: str, quote: str) -> str:
    """A name that can be nothing but a name. Raises NodeError ``sql.bad_name``."""
    if (
        not 0 < len(name) <= LONGEST_NAME
        or any(ord(c) < 32 or c == "\x7f" for c in name)
        or name != name.strip()
    ):
        raise NodeError(BAD_NAME, {"name": name[:100]})
    return quote + name.replace(quote, quote * 2) + quote


def quoted_table(name: str, quote: str) -> str:
    """``table`` or ``schema.table``."""
    parts = name.split(".")
    if len(parts) > 2:
        raise NodeError(BAD_NAME, {"name": name[:100]})
    return ".".join(quoted(part, quote) for part in parts)
