"""The error root and the registry of stable codes.

Every error a person can meet has a dotted code, a number for help pages, and a sentence and a
hint in English and Chinese. Packages define their codes beside the code that raises them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from sage_studio.kernel.json import Json, JsonObject

Language = Literal["en", "zh"]


class Text(TypedDict):
    """One sentence in both languages of the product."""

    en: str
    zh: str


class Problem(TypedDict):
    """The JSON shape of an error wherever it is stored or sent (CONTRACTS, "Error")."""

    code: str
    message: str
    retryable: bool
    node_id: NotRequired[str | None]
    iteration_path: NotRequired[str]
    details: NotRequired[JsonObject]
    hint: NotRequired[str]


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A registered code: ``code`` is dotted and never changes, ``number`` names its help page."""

    code: str
    number: int
    message: Text
    hint: Text
    status: int = 400
    retryable: bool = False


_REGISTRY: dict[str, ErrorCode] = {}
_NUMBERS: dict[int, str] = {}


def define_error(
    code: str,
    number: int,
    *,
    en: str,
    zh: str,
    hint_en: str = "",
    hint_zh: str = "",
    status: int = 400,
    retryable: bool = False,
) -> ErrorCode:
    """Register a code once; texts are ``str.format`` templates over the error's facts.

    Raises ValueError when the code or the number is taken.
    """
    if code in _REGISTRY or number in _NUMBERS:
        raise ValueError(f"error code {code!r} or number {number} is registered twice")
    entry = ErrorCode(code, number, Text(en=en, zh=zh), Text(en=hint_en, zh=hint_zh), status, retryable)
    _REGISTRY[code] = entry
    _NUMBERS[number] = code
    return entry


def error_codes() -> Mapping[str, ErrorCode]:
    """Every registered code, for help pages and tests."""
    return _REGISTRY


class _Facts(dict[str, Json]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fill(template: str, facts: Mapping[str, Json]) -> str:
    return template.format_map(_Facts(facts))


@dataclass(eq=False)
class SageError(Exception):
    """Root of all errors: a registered code and the facts that fill its texts.

    ``path`` names the place in the input (``nodes[3].config.size``) where one exists; ``errors``
    holds further places when several things are wrong at once.
    """

    code: ErrorCode
    facts: dict[str, Json] = field(default_factory=dict)
    path: str = ""
    errors: list[SageError] = field(default_factory=list)
    retryable: bool | None = None

    def __post_init__(self) -> None:
        super().__init__(self.message())

    def message(self, language: Language = "en") -> str:
        return _fill(self.code.message[language], self.facts)

    def hint(self, language: Language = "en") -> str:
        return _fill(self.code.hint[language], self.facts)

    @property
    def can_retry(self) -> bool:
        """Whether doing the same again may succeed."""
        return self.code.retryable if self.retryable is None else self.retryable

    def problem(
        self, language: Language = "en", *, node_id: str | None = None, iteration_path: str = ""
    ) -> Problem:
        """This error as its JSON shape."""
        shape: Problem = {
            "code": self.code.code,
            "message": self.message(language),
            "retryable": self.can_retry,
        }
        if node_id is not None:
            shape["node_id"] = node_id
        if iteration_path:
            shape["iteration_path"] = iteration_path
        if self.facts:
            shape["details"] = dict(self.facts)
        if hint := self.hint(language):
            shape["hint"] = hint
        return shape
