"""Tokens to a tree: JavaScript's expression grammar by precedence climbing.

Statements, assignments, ``new``, ``this``, classes and regular expressions are refused by name.
"""

from __future__ import annotations

from sage_studio.expressions.errors import SYNTAX, TOO_DEEP, ExpressionError, fault, unsupported
from sage_studio.expressions.lexer import Token
from sage_studio.expressions.syntax import (
    Arrow,
    Binary,
    Call,
    Chain,
    Choice,
    Fields,
    Items,
    Literal,
    Member,
    Name,
    Node,
    Spread,
    Text,
    Unary,
)

MAX_DEPTH = 60
MAX_CHAIN = 100
"""Operators or links in one run; each is a level of the tree."""

_PRECEDENCE = {
    "??": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "===": 4, "!==": 4,
    "<": 5, ">": 5, "<=": 5, ">=": 5, "in": 5, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, "**": 8,
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None, "undefined": None}
_REFUSED_WORDS = frozenset(
    {"new", "this", "delete", "void", "function", "class", "await", "async", "yield", "import", "super"}
    | {"instanceof", "let", "const", "var", "return", "if", "for", "while", "throw", "try", "switch", "do"}
    | {"with", "debugger", "eval"}
)

RESERVED = frozenset({*_WORDS, *_REFUSED_WORDS, "typeof", "in"})
"""Words that are no names."""


def parse_tokens(found: list[Token], source: str) -> Node:
    """The tree of one expression. Raises ExpressionError."""
    return _Parser(found, source).whole()


class _Parser:
    def __init__(self, found: list[Token], source: str) -> None:
        self.found = found
        self.source = source
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.found[self.index]

    def whole(self) -> Node:
        if len(self.found) == 1:
            raise fault(SYNTAX, self.token.start, reason="there is nothing in it", reason_zh="表达式为空")
        result = self.expression()
        if self.index + 1 < len(self.found):
            raise self._unexpected()
        return result

    def expression(self) -> Node:
        """A ternary or anything tighter."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise fault(TOO_DEEP, self.token.start, limit=MAX_DEPTH)
        test = self._binary(1)
        if self._takes("?"):
            then = self.expression()
            self._expect(":")
            otherwise = self.expression()
            test = Choice(test, then, otherwise, test.at, otherwise.end)
        self.depth -= 1
        return test

    def _binary(self, least: int) -> Node:
        left = self._unary()
        links = 0
        while (precedence := _PRECEDENCE.get(self._operator(), 0)) >= least:
            operator = self._next()
            links += 1
            if links > MAX_CHAIN:
                raise fault(TOO_DEEP, operator.start, limit=MAX_CHAIN)
            # ** groups to the right, everything else to the left.
            right = self._binary(precedence if operator.text == "**" else precedence + 1)
            left = Binary(operator.text, left, right, left.at, right.end)
        return left

    def _operator(self) -> str:
        is_operator = self.token.kind == "op" or (self.token.kind == "name" and self.token.text == "in")
        return self.token.text if is_operator else ""

    def _unary(self) -> Node:
        token = self.token
        prefix = (token.kind == "op" and token.text in "!-+") or (token.kind, token.text) == (
            "name",
            "typeof",
        )
        if not prefix:
            return self._postfix()
        self._next()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise fault(TOO_DEEP, token.start, limit=MAX_DEPTH)
        value = self._unary()
        self.depth -= 1
        return Unary(token.text, value, token.start, value.end)

    def _postfix(self) -> Node:
        node = self._primary()
        has_optional = False
        links = 0
        while self.token.kind == "op" and self.token.text in (".", "?.", "[", "("):
            links += 1
            if links > MAX_CHAIN:
                raise fault(TOO_DEEP, self.token.start, limit=MAX_CHAIN)
            has_optional = has_optional or self.token.text == "?."
            node = self._link(node)
        if self.token.kind == "template":
            raise unsupported("A tagged text", "带标签的模板文本", self.token.start)
        return Chain(node, node.at, node.end) if has_optional else node

    def _link(self, base: Node) -> Node:
        token = self._next()
        if token.text == "(":
            return self._called(base, token)
        optional = token.text == "?."
        if token.text == "[" or (optional and self._takes("[")):
            key = self.expression()
            end = self._expect("]").end
            return Member(base, key, optional, base.at, end)
        if optional and self._is("("):
            raise unsupported("Calling a value with ?.()", "用 ?.() 调用值", token.start)
        name = self.token
        if name.kind != "name":
            raise self._unexpected("a name is missing after the dot", "点号后缺少名称")
        self._next()
        key = Literal(name.text, name.start, name.end)
        if self._takes("("):
            args = self._arguments()
            return Call(base, name.text, args, optional, name.start, self.found[self.index - 1].end)
        return Member(base, key, optional, base.at, name.end)

    def _called(self, base: Node, token: Token) -> Node:
        if not isinstance(base, Name):
            raise unsupported("Calling a value", "调用一个值", token.start)
        args = self._arguments()
        return Call(None, base.name, args, False, base.at, self.found[self.index - 1].end)

    def _arguments(self) -> tuple[Node, ...]:
        return tuple(self._list(")", arrows=True))

    def _list(self, closing: str, *, arrows: bool) -> list[Node]:
        items: list[Node] = []
        while not self._takes(closing):
            if items:
                self._expect(",")
                if self._takes(closing):
                    break
            token = self.token
            if self._takes("..."):
                value = self.expression()
                items.append(Spread(value, token.start, value.end))
            else:
                items.append((self._arrow() if arrows else None) or self.expression())
        return items

    def _arrow(self) -> Arrow | None:
        """An arrow function when one begins here."""
        start = self.token
        params = self._parameters()
        if params is None:
            return None
        if self._is("{"):
            raise unsupported("A function body in braces", "带大括号的函数体", self.token.start)
        if len(set(params)) < len(params):
            raise fault(SYNTAX, start.start, reason="two parameters share a name", reason_zh="参数名重复")
        body = self.expression()
        return Arrow(tuple(params), body, start.start, body.end)

    def _parameters(self) -> list[str] | None:
        """The parameters, with the arrow consumed; None when what follows is no arrow function."""
        at = self.index
        if self.token.kind == "name" and self._text(at + 1) == "=>":
            self.index += 2
            return [self._parameter(self.found[at])]
        if not self._is("("):
            return None
        closing = at + 1
        while self.found[closing].kind == "name" or self._text(closing) == ",":
            closing += 1
        if self._text(closing) == ")" and self._text(closing + 1) == "=>":
            self.index = closing + 2
            return [self._parameter(token) for token in self.found[at + 1 : closing] if token.kind == "name"]
        if self._text(at + 1) in ("{", "[") and self._closes_with_arrow(at):
            raise unsupported("Unpacking in parameters", "参数解构", self.token.start)
        return None

    def _closes_with_arrow(self, at: int) -> bool:
        depth = 0
        for index in range(at, len(self.found)):
            depth += {"(": 1, ")": -1}.get(self._text(index), 0)
            if depth == 0:
                return self._text(index + 1) == "=>"
        return False

    def _parameter(self, token: Token) -> str:
        if token.text in _REFUSED_WORDS or token.text in _WORDS:
            raise fault(
                SYNTAX,
                token.start,
                reason=f"“{token.text}” is no name",
                reason_zh=f"“{token.text}” 不能作为名称",
            )
        return token.text

    def _text(self, index: int) -> str:
        token = self.found[index] if index < len(self.found) else None
        return token.text if token and token.kind == "op" else ""

    def _primary(self) -> Node:
        token = self._next()
        if token.kind in ("number", "string"):
            return Literal(token.value, token.start, token.end)
        if token.kind == "name":
            return self._word(token)
        if token.kind == "template":
            return self._backtick(token)
        if token.text == "(":
            if self.token.text == ")":
                raise unsupported("A function outside a call", "函数调用之外的箭头函数", token.start)
            inner = self.expression()
            self._expect(")")
            return inner
        if token.text == "[":
            items = tuple(self._list("]", arrows=False))
            return Items(items, token.start, self.found[self.index - 1].end)
        if token.text == "{":
            return self._object(token)
        self.index -= 1
        raise self._unexpected()

    def _word(self, token: Token) -> Node:
        if token.text in _WORDS:
            return Literal(_WORDS[token.text], token.start, token.end)
        if token.text in _REFUSED_WORDS:
            raise unsupported(f"“{token.text}”", f" “{token.text}”", token.start)
        if self._is("=>"):
            raise unsupported("A function outside a call", "函数调用之外的箭头函数", token.start)
        return Name(token.text, token.start, token.end)

    def _backtick(self, token: Token) -> Node:
        parts: list[Node] = []
        for part in token.parts:
            if isinstance(part, str):
                parts.append(Literal(part, token.start, token.end))
            else:
                parts.append(parse_tokens(part, self.source))
        return Text(tuple(parts), token.start, token.end)

    def _object(self, start: Token) -> Node:
        fields: list[tuple[Node | None, Node]] = []
        while not self._takes("}"):
            if fields:
                self._expect(",")
                if self._takes("}"):
                    break
            fields.append(self._field())
        return Fields(tuple(fields), start.start, self.found[self.index - 1].end)

    def _field(self) -> tuple[Node | None, Node]:
        token = self._next()
        if token.kind == "op" and token.text == "...":
            return None, self.expression()
        if token.kind == "op" and token.text == "[":
            key: Node = self.expression()
            self._expect("]")
        elif token.kind in ("name", "string"):
            key = Literal(token.text if token.kind == "name" else token.value, token.start, token.end)
            if token.kind == "name" and (self._is(",") or self._is("}")):
                return key, self._word(token)
        elif token.kind == "number":
            key = Literal(token.text, token.start, token.end)
        else:
            self.index -= 1
            raise self._unexpected("a key is missing", "缺少键名")
        if self._is("("):
            raise unsupported("A method", "方法定义", token.start)
        self._expect(":")
        return key, self.expression()

    def _is(self, text: str) -> bool:
        return self.token.kind == "op" and self.token.text == text

    def _takes(self, text: str) -> bool:
        if self._is(text):
            self.index += 1
            return True
        return False

    def _next(self) -> Token:
        token = self.token
        if token.kind == "end":
            raise self._unexpected()
        self.index += 1
        return token

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise self._unexpected(f"“{text}” is missing", f"缺少 “{text}”")
        return self._next()

    def _unexpected(self, reason: str = "", reason_zh: str = "") -> ExpressionError:
        token = self.token
        if not reason:
            shown = token.text[:20]
            reason = f"“{shown}” is out of place" if shown else "something is missing"
            reason_zh = f"“{shown}” 位置不正确" if shown else "内容不完整"
        return fault(SYNTAX, token.start, reason=reason, reason_zh=reason_zh)
