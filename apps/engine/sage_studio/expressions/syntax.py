"""The tree of an expression. ``at`` and ``end`` are offsets in the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sage_studio.kernel import Json


@dataclass(frozen=True, slots=True)
class Literal:
    value: Json
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the scope, a parameter of an arrow, or a built-in such as ``Math``."""

    name: str
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """``base.name``, ``base["name"]`` or ``base[index]``; ``optional`` for ``?.``."""

    base: Node
    key: Node
    optional: bool
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """``base.name(args)``, or ``name(args)`` for a built-in when ``base`` is None."""

    base: Node | None
    name: str
    args: tuple[Node, ...]
    optional: bool
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain with ``?.`` in it: empty as a whole once a link before ``?.`` is empty."""

    body: Node
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Unary:
    op: str
    value: Node
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Node
    right: Node
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``test ? then : otherwise``."""

    test: Node
    then: Node
    otherwise: Node
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Spread:
    value: Node
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Items:
    """An array literal."""

    items: tuple[Node, ...]
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Fields:
    """An object literal: (key, value) pairs; a spread has no key."""

    fields: tuple[tuple[Node | None, Node], ...]
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """A backtick text: its parts in turn, joined."""

    parts: tuple[Node, ...]
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """``(params) => body``; only an argument of a function that takes one."""

    params: tuple[str, ...]
    body: Node
    at: int
    end: int


Node: TypeAlias = (
    Literal | Name | Member | Call | Chain | Unary | Binary | Choice | Spread | Items | Fields | Text | Arrow
)
