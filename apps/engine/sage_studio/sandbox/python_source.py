"""A person's Python as a program for the sandbox, and places in the program as places in their source.

The source is either the body of a function (``return`` gives the result) or defines ``main``, which is then
called. Inputs are parameters. Every ``print`` is preceded by a marker, so that its line is known.
"""

from __future__ import annotations

import io
import itertools
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MARK = "\x01"
_MAIN = re.compile(r"^def\s+main\s*\(([^)]*)\)", re.MULTILINE)
_HEAD = """\
import json as _sage_json
def _sage_at(_line):
 print("\\x01" + _line, end="\\x01")
 return print
"""
_ALL = "_sage_out = _sage_main(**_sage_json.loads(_sage_in))\n"
_EACH = """\
_sage_given = _sage_json.loads(_sage_in)
_sage_items = _sage_given.pop("item")
_sage_start = _sage_given.pop("index")
_sage_out = []
for _sage_index, _sage_item in enumerate(_sage_items):
 _sage_out.append(_sage_main(item=_sage_item, index=_sage_start + _sage_index, **_sage_given))
"""
# A text whatever the code did to the names above: nothing else may cross, as a small value that holds
# itself many times over would fill the memory of whoever unpacks it.
RESULT = 'import json as _sage_json\nf"{_sage_json.dumps(_sage_out)}"\n'
PLAIN_RESULT = """\
import base64 as _sage_base64
def _sage_plain(v):
 if v is None or isinstance(v, (bool, int, float, str)):
  return v
 if isinstance(v, dict):
  return {k if isinstance(k, str) else str(k): _sage_plain(x) for k, x in v.items()}
 if isinstance(v, (list, tuple, set, frozenset)):
  return [_sage_plain(x) for x in v]
 if isinstance(v, bytes):
  return {"$bytes": _sage_base64.b64encode(v).decode()}
 if hasattr(v, "isoformat"):
  return v.isoformat()
 if hasattr(v, "__dict__"):
  return _sage_plain(v.__dict__)
 return str(v)
_sage_out = _sage_plain(_sage_out)
"""
FULL_RESULT = "_sage_result = _sage_json.dumps(_sage_out)\n"
INDEX = 'f"{_sage_index}"'


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """``lines`` of ``text`` lie before the source and ``indent`` columns before each of its lines;
    ``added`` maps a line of the source to what was put into it: (column, width)."""

    text: str
    source: str
    lines: int
    indent: int
    added: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def place(self, line: int, column: int) -> tuple[int, int] | None:
        """A place of the program in the source, both from 1, or None when it lies outside."""
        own = line - self.lines
        if not 1 <= own <= self.source.count("\n") + 1:
            return None
        here = column - self.indent
        for at, width in self.added.get(own, ()):
            if here > at + 1:
                here -= min(width, here - at - 1)
        return own, max(1, here)


def python_program(source: str, names: Sequence[str], *, each: bool) -> PythonProgram:
    """The program that gives ``_sage_in`` (JSON of the inputs) to the source. ``each``: its input ``item``
    is a list, and the source is for one of it at a time."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace(MARK, "")
    tokens = list(_tokens(source))
    marked, added = _with_marks(source, tokens)
    call = _EACH if each else _ALL
    parameters = ", ".join(names)
    if main := _MAIN.search(source):
        wanted = [re.split(r"[:=]", part)[0].strip() for part in main[1].split(",")]
        given = ", ".join(f"{name}={name}" for name in wanted if name in names)
        lines = _HEAD
        wrapper = f"def _sage_main({parameters}):\n return main({given})\n"
        return PythonProgram(f"{lines}{marked}\n{wrapper}{call}{RESULT}", source, lines.count("\n"), 0, added)
    head = f"{_HEAD}def _sage_main({parameters}):\n"
    body = _indented(marked, tokens)
    return PythonProgram(f"{head}{body}\n pass\n{call}{RESULT}", source, head.count("\n"), 1, added)


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    """As far as they go: what cannot be read is the sandbox's to complain about."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _indented(text: str, tokens: Sequence[tokenize.TokenInfo]) -> str:
    """Every line moved in, except those inside a text of several lines."""
    inside: set[int] = set()
    for token in tokens:
        if token.type == tokenize.STRING and token.end[0] > token.start[0]:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    lines = text.split("\n")
    return "\n".join(line if number in inside else f" {line}" for number, line in enumerate(lines, 1))


def _with_marks(
    source: str, tokens: Sequence[tokenize.TokenInfo]
) -> tuple[str, dict[int, list[tuple[int, int]]]]:
    """The source with ``print(`` as ``_sage_at("7")(``, and what that added."""
    found: list[tuple[int, int]] = []
    before = ""
    for token, after in itertools.pairwise(tokens):
        if token.type == tokenize.NAME and token.string == "print":
            if after.string != "(" or before == "def":
                return source, {}  # the name means something else here, or travels as a value
            if before != ".":
                found.append(token.start)
        if token.type not in {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}:
            before = token.string
    lines = source.split("\n")
    added: dict[int, list[tuple[int, int]]] = {}
    for line, column in reversed(found):
        put = f'_sage_at("{line}")'
        text = lines[line - 1]
        lines[line - 1] = text[:column] + put + text[column + len("print") :]
        added.setdefault(line, []).insert(0, (column + len("print"), len(put) - len("print")))
    return "\n".join(lines), added
