"""Text out of HTML: what a reader sees, with paragraphs kept apart."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_BLOCKS = "p,div,section,article,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,table,ul,ol,dt,dd,br,hr,title"
_HIDDEN = ["script", "style", "noscript", "template", "svg", "iframe", "head > :not(title)"]
_AROUND = ["nav", "header", "footer", "aside", "form", "[role=navigation]", "[aria-hidden=true]"]


def html_text(source: str) -> tuple[str, str]:
    """The visible text and the title."""
    tree = LexborHTMLParser(source)
    title_node = tree.css_first("title")
    title = title_node.text(strip=True) if title_node is not None else ""
    for selector in (*_HIDDEN, "title"):
        for node in tree.css(selector):
            node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    body = tree.body
    return tidy(body.text() if body is not None else ""), title


def main_text(source: str) -> tuple[str, str]:
    """The text of the part that is the page's own, without menus and the like, and the title.

    The part is what the page marks as such, else the element with the most text in its own paragraphs
    (Kohlschütter et al., "Boilerplate Detection using Shallow Text Features", 2010, reduced to paragraphs).
    """
    tree = LexborHTMLParser(source)
    _words, title = html_text(source)
    for selector in _AROUND:
        for node in tree.css(selector):
            node.decompose()
    marked = tree.css_first("main, article, [role=main]")
    best = marked if marked is not None else _densest(tree)
    return html_text(best.html or "")[0] if best is not None else "", title


def _densest(tree: LexborHTMLParser) -> LexborNode | None:
    weights: dict[int, int] = {}
    places: dict[int, LexborNode] = {}
    for paragraph in tree.css("p, pre, blockquote, li"):
        parent = paragraph.parent
        if parent is not None:
            words = paragraph.text()
            linked = sum(len(link.text()) for link in paragraph.css("a"))
            places[parent.mem_id] = parent
            weights[parent.mem_id] = weights.get(parent.mem_id, 0) + len(words) - 2 * linked
    return places[max(weights, key=weights.__getitem__)] if weights else tree.body


def tidy(text: str) -> str:
    """Runs of blanks become one, more than one empty line becomes one."""
    lines = (re.sub(r"[ \t\f\v\u00a0]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
