"""What a script is, read without running it: where it ends, whether it is whole, which values it reads.

Not a parser of JavaScript: texts, comments and patterns are blanked out, and the rest is looked at for names,
brackets and declarations. What it reads is rather one name too many than one too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_PATTERN = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_BEFORE_PATTERN = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%<>~^]|\breturn|\btypeof)\s*$")
_PATH = re.compile(
    r"(?<![\w$])(?:(?<!\.)|(?<=\.\.\.))([A-Za-z_$][\w$]*)((?:\s*\??\.\s*[A-Za-z_$][\w$]*)*)(\s*\()?"
)
_PARAMETERS = re.compile(r"\(([^()]*)\)\s*=>|([A-Za-z_$][\w$]*)\s*=>|function\s*[\w$]*\s*\(([^()]*)\)")
_DECLARED = re.compile(r"\b(?:const|let|var|catch|function)\b\s*\(?\s*([A-Za-z_$][\w$]*|[\[{][^=]*?[\]}])")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def end_of(source: str, at: int) -> int | None:
    """Where the ``}}`` stands that closes an expression which begins at ``at``."""
    depth = 0
    for piece in _pieces(source, at):
        if piece == "{":
            depth += 1
        elif piece == "}":
            if depth == 0 and source.startswith("}}", at):
                return at
            depth -= 1
        at += len(piece)
    return None


def is_balanced(script: str) -> bool:
    """Whether all brackets are closed: a slip of the pen is not for another engine to find."""
    opened: list[str] = []
    for letter in _pieces(script):
        if letter in _CLOSES:
            opened.append(_CLOSES[letter])
        elif letter in (")", "]", "}") and (not opened or opened.pop() != letter):
            return False
    return not opened


def script_reads(script: str) -> dict[str, int]:
    """The paths a script reads from outside and where they stand; rather one too many than too few.

    A name the script also declares (``item.tags.map(item => …)``) is read as a whole where it stands before
    its declaration, because what follows may be either.
    """
    bare = "".join(_pieces(script))
    inner = _declared(bare)
    found: dict[str, int] = {}
    for match in _PATH.finditer(bare):
        names = [match[1], *_WORD.findall(match[2])]
        if match[3] and len(names) > 1:
            names.pop()  # what is called is a function of the value
        if names[0] in _OWN or _is_key(bare, match.start(), match.end(1)):
            continue
        if names[0] in inner:
            if match.start() >= inner[names[0]]:
                continue
            del names[1:]
        found.setdefault(".".join(names), match.start() + 1)
    return found


def _declared(bare: str) -> dict[str, int]:
    """The names a script declares, and where first."""
    found: dict[str, int] = {}
    for pattern in (_PARAMETERS, _DECLARED):
        for match in pattern.finditer(bare):
            for name in _WORD.findall(" ".join(group or "" for group in match.groups())):
                found[name] = min(match.start(), found.get(name, match.start()))
    return found


def _is_key(bare: str, start: int, end: int) -> bool:
    """Whether a name is that of a field of an object (``{name: …}``)."""
    return bare[end:].lstrip()[:1] == ":" and bare[:start].rstrip()[-1:] in {"{", ","}


def _pieces(script: str, at: int = 0) -> Iterator[str]:
    """The script from ``at``, letter by letter, with spaces for all that is text in it; what ``${ }`` holds
    stays."""
    said = ""  # the last few letters: whether a slash begins a pattern
    templates: list[int] = []  # for each `…${ we are in: how many braces are open
    while at < len(script):
        letter = script[at]
        if letter == "`" or (letter == "}" and templates and templates[-1] == 0):
            if letter == "}":
                templates.pop()
            end = _template_end(script, at + 1)
            if script.startswith("${", end):
                templates.append(0)
                end += 2
            elif end < len(script):
                end += 1
            piece, at = " " * (end - at), end
        else:
            if templates and letter in "{}":
                templates[-1] += 1 if letter == "{" else -1
            piece = _piece(script, at, said)
            at += len(piece)
        said = (said + piece)[-12:]
        yield piece


def _piece(script: str, at: int, said: str) -> str:
    """A letter, or as many spaces as a text, comment or pattern is long."""
    letter = script[at]
    match = _QUOTED.match(script, at) if letter in "'\"/" else None
    if match is None and letter == "/" and _BEFORE_PATTERN.search(said):
        match = _PATTERN.match(script, at)
    if match is None:
        return letter
    return ("0" if letter == "/" else " ") + " " * (len(match[0]) - 1)


def _template_end(script: str, at: int) -> int:
    """Where a text in backticks ends or is interrupted by ``${``."""
    while at < len(script) and script[at] != "`" and not script.startswith("${", at):
        at += 2 if script[at] == "\\" else 1
    return min(at, len(script))
