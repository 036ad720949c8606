"""Expression text to tokens: JavaScript's words, numbers, strings and operators, and nothing more.

Reads from the middle of a template up to the closing ``}}`` (or the ``}`` of a ``${}``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from sage_studio.expressions.errors import SYNTAX, TOO_LONG, UNCLOSED, fault, unsupported
from sage_studio.expressions.operators import tidy
from sage_studio.kernel import Json

MAX_EXPRESSION_LENGTH = 10_000
MAX_TOKENS = 4_000

Kind = Literal["name", "number", "string", "template", "op", "end"]

_SPACE = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_OPS = re.compile(r"===|!==|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\.\.\.|\*\*|[-+*/%<>!?:.,()\[\]{}]")
_REFUSED = re.compile(r"\+\+|--|[-+*/%&|^?]{1,2}=(?!=)|=(?![=>])|<<|>>|[&|^~;@#\\]")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\ufffd"}


@dataclass(slots=True)
class Token:
    """``text`` is the operator or name; ``value`` the number or string; ``start`` and ``end`` are
    offsets in the template. A backtick text has ``parts``: strings and token lists in turn."""

    kind: Kind
    text: str
    start: int
    end: int
    value: Json = None
    parts: list[str | list[Token]] = field(default_factory=list)


def tokens(source: str, start: int, *, closing: str, depth: int = 0) -> tuple[list[Token], int]:
    """The tokens from ``start`` up to ``closing`` (``}}`` or ``}``), and the offset behind it.

    The list ends with an ``end`` token. Raises ExpressionError.
    """
    lexer = _Lexer(source, start, closing, depth)
    return lexer.run(), lexer.at


class _Lexer:
    def __init__(self, source: str, start: int, closing: str, depth: int) -> None:
        self.source = source
        self.start = start
        self.at = start
        self.closing = closing
        self.depth = depth
        self.braces = 0
        self.found: list[Token] = []

    def run(self) -> list[Token]:
        while True:
            self.at = self._after_space()
            if self.at >= len(self.source):
                raise fault(UNCLOSED, max(self.start - len(self.closing), 0))
            if self.at - self.start > MAX_EXPRESSION_LENGTH or len(self.found) > MAX_TOKENS:
                raise fault(TOO_LONG, self.start, limit=MAX_EXPRESSION_LENGTH)
            if self.braces == 0 and self.source.startswith(self.closing, self.at):
                self.found.append(Token("end", "", self.at, self.at))
                self.at += len(self.closing)
                return self.found
            self._one()

    def _after_space(self) -> int:
        match = _SPACE.match(self.source, self.at)
        return match.end() if match else self.at

    def _one(self) -> None:
        letter = self.source[self.at]
        if letter in "\"'":
            self._string(letter)
        elif letter == "`":
            self._template()
        elif name := _NAME.match(self.source, self.at):
            self._add("name", name.group())
        elif number := _NUMBER.match(self.source, self.at):
            self._number(number.group())
        else:
            self._operator()

    def _add(self, kind: Kind, text: str, value: Json = None) -> None:
        self.found.append(Token(kind, text, self.at, self.at + len(text), value))
        self.at += len(text)

    def _number(self, text: str) -> None:
        if _NAME.match(self.source, self.at + len(text)):
            raise fault(SYNTAX, self.at, reason="a number runs into a name", reason_zh="数字与名称相连")
        if text[:2] in ("0x", "0X"):
            self._add("number", text, tidy(int(text, 16)))
        elif text.isdigit():
            self._add("number", text, int(text) if len(text) < 17 else float(text))
        else:
            value = float(text)
            self._add("number", text, int(value) if value.is_integer() and abs(value) < 2**53 else value)

    def _operator(self) -> None:
        refused = _REFUSED.match(self.source, self.at)
        operator = _OPS.match(self.source, self.at)
        if refused and not (operator and len(operator.group()) > len(refused.group())):
            wanted = operator and operator.group() in ("&&", "||", "??", "==", "===")
            if not wanted:
                raise unsupported(f"“{refused.group()}”", f" “{refused.group()}”", self.at)
        if operator is None:
            letter = self.source[self.at]
            raise fault(
                SYNTAX, self.at, reason=f"“{letter}” is out of place", reason_zh=f"“{letter}” 位置不正确"
            )
        text = operator.group()
        if text == "/" and self._may_begin_value():
            raise unsupported("A regular expression", "正则表达式", self.at)
        self.braces += {"{": 1, "}": -1}.get(text, 0)
        self._add("op", text)

    def _may_begin_value(self) -> bool:
        if not self.found:
            return True
        last = self.found[-1]
        return last.kind == "op" and last.text not in (")", "]", "}")

    def _string(self, quote: str) -> None:
        begin = self.at
        at = begin + 1
        pieces: list[str] = []
        while at < len(self.source) and self.source[at] != quote:
            if self.source[at] == "\n":
                break
            piece, at = self._piece(at)
            pieces.append(piece)
        if at >= len(self.source) or self.source[at] != quote:
            raise fault(SYNTAX, begin, reason="a quote is not closed", reason_zh="引号没有闭合")
        self.found.append(Token("string", self.source[begin : at + 1], begin, at + 1, "".join(pieces)))
        self.at = at + 1

    def _piece(self, at: int) -> tuple[str, int]:
        """One character of a text, escapes resolved, and the offset behind it."""
        letter = self.source[at]
        if letter != "\\" or at + 1 >= len(self.source):
            return letter, at + 1
        escape = self.source[at + 1]
        if escape in "ux":
            match = re.compile(r"u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})").match(
                self.source, at + 1
            )
            code = int(next(group for group in match.groups() if group), 16) if match else 0x110000
            if match is None or code > 0x10FFFF:
                raise fault(SYNTAX, at, reason="this escape is incomplete", reason_zh="转义序列不完整")
            # Halves of surrogate pairs and NUL cannot be stored anywhere.
            return (chr(code) if code and not 0xD800 <= code <= 0xDFFF else "\ufffd"), match.end()
        return _ESCAPES.get(escape, "" if escape == "\n" else escape), at + 2

    def _template(self) -> None:
        begin = self.at
        if self.depth >= 5:
            raise unsupported("A text nested this deep", "嵌套过深的模板文本", begin)
        at = begin + 1
        parts: list[str | list[Token]] = []
        pieces: list[str] = []
        while at < len(self.source) and self.source[at] != "`":
            if self.source.startswith("${", at):
                parts.append("".join(pieces))
                pieces = []
                inner, at = tokens(self.source, at + 2, closing="}", depth=self.depth + 1)
                parts.append(inner)
            else:
                piece, at = self._piece(at)
                pieces.append(piece)
        if at >= len(self.source):
            raise fault(SYNTAX, begin, reason="a quote is not closed", reason_zh="引号没有闭合")
        parts.append("".join(pieces))
        self.found.append(Token("template", self.source[begin : at + 1], begin, at + 1, None, parts))
        self.at = at + 1
