"""Texts whose expressions go beyond the small evaluator: those are handed over to the JavaScript sandbox.

What is handed over is decided when the text is compiled, and only where the evaluator knows what it does not
do (regular expressions, ``new Date()``, functions with a body, …): a slip of the pen stays an error at once.
``evaluate`` then gives a ``Pending``, which whoever awaits things completes (``settled``).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from sage_studio.expressions import extras
from sage_studio.expressions.errors import UNSUPPORTED, ExpressionError
from sage_studio.expressions.operators import to_text
from sage_studio.expressions.template import CACHED, Template, compile_template

Run: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Evaluates a JavaScript expression over values by name."""

# What JavaScript brings itself: no values of the flow.
_OWN = frozenset({
    "Array", "BigInt", "Boolean", "Date", "DateTime", "Error", "Infinity", "Intl", "JSON", "Map",
    "Math", "NaN", "Number", "Object", "Promise", "RangeError", "RegExp", "Set", "String", "Symbol",
    "SyntaxError", "TypeError", "Uint8Array", "WeakMap", "arguments", "async", "await", "break", "case",
    "catch", "class", "console", "const", "continue", "decodeURI", "decodeURIComponent", "default",
    "delete", "do", "else", "encodeURI", "encodeURIComponent", "escape", "eval", "export", "extends",
    "false", "finally", "for", "function", "globalThis", "if", "ifEmpty", "import", "in", "instanceof",
    "isFinite", "isNaN", "let", "new", "null", "of", "parseFloat", "parseInt", "return", "static",
    "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "unescape", "var", "void",
    "while", "yield",
})  # fmt: skip
_OWN_FUNCTIONS = frozenset(
    {*extras.TEXT, *extras.LIST, *extras.NUMBER, *extras.OBJECT, "DateTime", "ifEmpty"}
)
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_PATTERN = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_BEFORE_PATTERN = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|\breturn|\btypeof)\s*$")
_PATH = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)((?:\s*\??\.\s*[A-Za-z_$][\w$]*)*)(\s*\()?")
_PARAMETERS = re.compile(r"\(([^()]*)\)\s*=>|([A-Za-z_$][\w$]*)\s*=>|function\s*[\w$]*\s*\(([^()]*)\)")
_DECLARED = re.compile(r"\b(?:const|let|var|catch|function)\b\s*\(?\s*([A-Za-z_$][\w$]*|[\[{][^=]*?[\]}])")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")


@dataclass(frozen=True, slots=True)
class Script:
    """One expression for JavaScript; ``roots`` are the values it reads."""

    source: str
    roots: frozenset[str]


class Pending(str):
    """A text with values that JavaScript has yet to give; shows as it was written until then."""

    __slots__ = ("scope", "text")
    text: HandedOver
    scope: Mapping[str, Any]

    async def settle(self, run: Run) -> Any:
        """The text's value. Raises what ``run`` raises, and ExpressionError."""
        values: list[Any] = []
        for part in self.text.parts:
            if isinstance(part, Script):
                given = {root: self.scope[root] for root in part.roots if root in self.scope}
                values.append(await run(part.source, given))
            else:
                values.append(part.evaluate(self.scope) if isinstance(part, Template) else part)
        if len(values) == 1:
            return values[0]
        return "".join(value if isinstance(value, str) else to_text(value, empty="") for value in values)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A text in parts: plain, for the evaluator, for JavaScript. Reads as a ``Template``."""

    source: str
    parts: tuple[str | Template | Script, ...]
    positions: Mapping[str, int]

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(self.positions)

    def evaluate(self, scope: Mapping[str, Any]) -> Pending:
        pending = Pending(self.source)
        pending.text, pending.scope = self, scope
        return pending


@lru_cache(maxsize=CACHED)
def compile_handing_over(source: str) -> Template | HandedOver:
    """``compile_template``, with JavaScript for what lies outside. Raises ExpressionError."""
    try:
        return compile_template(source)
    except ExpressionError as error:
        if error.code is not UNSUPPORTED:
            raise
        parts = list(_split(source, error))
    positions: dict[str, int] = {}
    for part, at in parts:
        if isinstance(part, Template):
            for path, position in part.positions.items():
                positions.setdefault(path, at + position)
        elif isinstance(part, Script):
            for path, position in script_reads(part.source).items():
                positions.setdefault(path, at + position)
    return HandedOver(source, tuple(part for part, _ in parts), positions)


def javascript_of(script: str) -> str:
    """The body of a function that gives the script's value, with our own functions where it may use them. The
    script begins on its second line."""
    calls = set(_WORD.findall(script))
    extras = _extras() if calls & _OWN_FUNCTIONS else ""
    return f"{extras}return (\n{script}\n)"


@cache
def _extras() -> str:
    """``extras.js`` on one line."""
    text = Path(__file__).with_name("extras.js").read_text(encoding="utf-8")
    return " ".join(line.strip() for line in text.splitlines()) + " "


async def settled(value: Any, run: Run) -> Any:
    """The value with nothing ``Pending`` in it."""
    if isinstance(value, Pending):
        return await value.settle(run)
    if isinstance(value, Mapping):
        return {key: await settled(one, run) for key, one in value.items()}
    if isinstance(value, list):
        return [await settled(one, run) for one in value]
    return value


def _split(source: str, error: ExpressionError) -> Iterator[tuple[str | Template | Script, int]]:
    at = 0
    while (start := source.find("{{", at)) >= 0:
        if start > at:
            yield source[at:start].replace("\\{{", "{{"), at
        end = end_of(source, start + 2)
        if end is None or not _is_balanced(source[start + 2 : end]):
            raise error
        at = end + 2
        try:
            yield compile_template(source[start:at]), start
        except ExpressionError as refused:
            if refused.code is not UNSUPPORTED:
                raise
            script = source[start + 2 : end].rstrip()
            roots = frozenset(path.partition(".")[0] for path in script_reads(script))
            yield Script(script.lstrip(), roots), start + 2 + len(script) - len(script.lstrip())
    if at < len(source):
        yield source[at:], at


def end_of(source: str, at: int) -> int | None:
    """Where the ``}}`` stands that closes an expression which begins at ``at``."""
    bare = _bare(source[at:])
    depth = 0
    for offset, letter in enumerate(bare):
        if letter == "{":
            depth += 1
        elif letter == "}":
            if depth == 0 and bare.startswith("}}", offset):
                return at + offset
            depth -= 1
    return None


def _is_balanced(script: str) -> bool:
    """Whether all brackets are closed: a slip of the pen is not for another engine to find."""
    opened: list[str] = []
    for letter in _bare(script):
        if letter in _CLOSES:
            opened.append(_CLOSES[letter])
        elif letter in ")]}" and (not opened or opened.pop() != letter):
            return False
    return not opened


def script_reads(script: str) -> dict[str, int]:
    """The paths a script reads from outside and where they stand; rather one too many than too few."""
    bare = _bare(script)
    inner = set(_OWN)
    for match in _PARAMETERS.finditer(bare):
        inner.update(_WORD.findall(" ".join(group or "" for group in match.groups())))
    for match in _DECLARED.finditer(bare):
        inner.update(_WORD.findall(match[1]))
    found: dict[str, int] = {}
    for match in _PATH.finditer(bare):
        names = [match[1], *_WORD.findall(match[2])]
        if match[3] and len(names) > 1:
            names.pop()  # what is called is a function of the value
        if names[0] in inner or _is_key(bare, match.start(), match.end(1)):
            continue
        found.setdefault(".".join(names), match.start() + 1)
    return found


def _is_key(bare: str, start: int, end: int) -> bool:
    """Whether a name is that of a field of an object (``{name: …}``)."""
    return bare[end:].lstrip()[:1] == ":" and bare[:start].rstrip()[-1:] in {"{", ","}


def _bare(script: str) -> str:
    """The script with spaces for all that is text in it; what ``${ }`` holds stays."""
    found: list[str] = []
    at = 0
    templates: list[int] = []  # for each `…${ we are in: how many braces are open
    while at < len(script):
        letter = script[at]
        if letter == "`" or (letter == "}" and templates and templates[-1] == 0):
            if letter == "}":
                templates.pop()
            end = _template_end(script, at + 1)
            found.append(" " * (end - at))
            at = end
            if script.startswith("${", end):
                templates.append(0)
                found.append("  ")
                at += 2
            elif at < len(script):
                found.append(" ")
                at += 1
            continue
        if templates and letter in "{}":
            templates[-1] += 1 if letter == "{" else -1
        match = _QUOTED.match(script, at)
        if match is None and letter == "/" and _BEFORE_PATTERN.search("".join(found)[-12:]):
            match = _PATTERN.match(script, at)
        text = " " * len(match[0]) if match else letter
        if match and letter == "/":
            text = "0" + text[1:]
        found.append(text)
        at += len(text)
    return "".join(found)


def _template_end(script: str, at: int) -> int:
    """Where a text in backticks ends or is interrupted by ``${``."""
    while at < len(script) and script[at] != "`" and not script.startswith("${", at):
        at += 2 if script[at] == "\\" else 1
    return min(at, len(script))
