"""What a reader sees of an HTML page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from selectolax.lexbor import LexborHTMLParser

from sage_studio.plugins.support.reading.limits import Unreadable

_BLOCKS = "p,div,section,article,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,table,ul,ol,dt,dd,br,hr,title"
_HIDDEN = ("script", "style", "noscript", "template", "svg", "iframe", "head > :not(title)", "title")
# The parser's time grows with the square of the depth; no page that people made goes half as deep.
_MAX_DEPTH = 4_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# Elements that have no content, or that the next one of their kind ends.
_NOT_NESTED = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    "p", "li", "dt", "dd", "tr", "td", "th", "option",
})  # fmt: skip


def read_html(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{text, title}`` of a page, which comes in UTF-8."""
    source = document.read().decode("utf-8", "replace")
    if is_too_deep(source):
        raise Unreadable("deep")
    tree = LexborHTMLParser(source)
    title_node = tree.css_first("title")
    title = title_node.text(strip=True) if title_node is not None else ""
    for selector in _HIDDEN:
        for node in tree.css(selector):
            node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    body = tree.body
    yield {"text": tidy(body.text() if body is not None else ""), "title": title}
    yield {"end": {"done": True}}


def is_too_deep(source: str) -> bool:
    """Judged by the tags alone, in one pass."""
    depth = 0
    for tag in _TAG.finditer(source):
        if tag[2].lower() not in _NOT_NESTED:
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            if depth > _MAX_DEPTH:
                return True
    return False


def tidy(text: str) -> str:
    """Runs of blanks become one, more than one empty line becomes one."""
    lines = (re.sub(r"[ \t\f\v\u00a0]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
