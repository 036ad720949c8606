"""Takes out of a web page what selectors name, or its main text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from sage_studio.kernel import define_error
from sage_studio.plugins.support.markup import html_text, main_text
from sage_studio.plugins.support.reading.errors import damaged
from sage_studio.plugins.support.reading.page import is_too_deep
from sage_studio.plugins.support.texts import text_of
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

BAD_SELECTOR = define_error(
    "html.bad_selector",
    3913,
    en="The selector “{selector}” cannot be read.",
    zh="无法识别选择器“{selector}”。",
    hint_en="CSS as in a style sheet: h1, .price, table.items tr; “a@href” takes an attribute.",
    hint_zh="使用 CSS 选择器，例如 h1、.price、table.items tr；“a@href” 表示取属性值。",
    status=422,
)
MAX_HTML_BYTES = 32 << 20
MAX_FOUND = 100_000


class HtmlParser(Node):
    """Scripts never run: the page is read, not shown."""

    spec = NodeSpec(
        id="html_parser",
        name=text("Parse HTML", "解析 HTML"),
        description=text(
            "Takes fields, rows or the main text out of a web page.", "从网页中提取字段、列表或正文。"
        ),
        category="processing",
        icon="code",
        deterministic=True,
        inputs=(Port(name="html", type="any", label=text("HTML or file", "HTML 或文件"), required=True),),
        outputs=(
            Port(name="items", type="array<any>", label=text("Found", "提取结果")),
            Port(name="first", type="any", label=text("First", "首个结果")),
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="title", type="string", label=text("Title", "标题")),
            Port(name="links", type="array<object>", label=text("Links", "链接")),
        ),
        config=(
            Field(
                name="rows",
                label=text("One item per", "每一项对应"),
                help=text(
                    "A CSS selector; the fields below are looked for inside of each. Empty: the page is one "
                    "item.",
                    "CSS 选择器；在每个匹配元素内查找下方的字段。留空则整个页面为一项。",
                ),
                default="",
                placeholder=text("table.items tr", "table.items tr"),
            ),
            Field(
                name="fields",
                type="object",
                label=text("Fields", "字段"),
                help=text(
                    "Name and CSS selector; “a@href” takes an attribute, “@href” one of the item itself, "
                    "“li[]” all matches as a list.",
                    "字段名与 CSS 选择器；“a@href” 取属性，“@href” 取元素自身的属性，"
                    "“li[]” 取全部匹配组成的列表。",
                ),
                default={},
                control="key_value",
                placeholder=text(".price", ".price"),
            ),
            Field(
                name="main",
                label=text("Text", "文本"),
                default="all",
                control="select",
                expression="never",
                options=(
                    Choice(value="all", label=text("All that is visible", "全部可见文字")),
                    Choice(value="main", label=text("The main part", "仅正文")),
                ),
            ),
            Field(
                name="base",
                label=text("Address of the page", "页面地址"),
                help=text("Makes links whole.", "用于补全相对链接。"),
                default="",
                wireable=True,
                placeholder=text("https://example.org/news/", "https://example.org/news/"),
            ),
        ),
        summary=text("{rows}", "{rows}"),
        example={
            "config": {"rows": "li", "fields": {"name": "b", "href": "a@href"}, "base": "https://a.example/"},
            "inputs": {"html": "<ul><li><b>Emma</b> <a href='/1'>read</a></li></ul>"},
            "outputs": {"items": [{"name": "Emma", "href": "https://a.example/1"}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        source = await text_of(ctx, inputs["html"], "html", max_bytes=MAX_HTML_BYTES)
        if await ctx.in_thread(is_too_deep, source):
            raise damaged("html", "html", "deep")
        fields = {name: str(selector) for name, selector in settings.mapping("fields").items()}
        rows, base = settings.text("rows").strip(), settings.text("base").strip()
        made = await ctx.in_thread(_read, source, rows, fields, base)
        read = main_text if settings.text("main") == "main" else html_text
        words, title = await ctx.in_thread(read, source)
        return {**made, "text": words, "title": title}


def _read(source: str, rows: str, fields: dict[str, str], base: str) -> dict[str, Any]:
    tree = LexborHTMLParser(source)
    places = _select(tree, rows)[:MAX_FOUND] if rows else [tree]
    if fields:
        items: list[Any] = [
            {name: _field(place, selector, base) for name, selector in fields.items()} for place in places
        ]
    else:
        items = [_words(place) for place in places] if rows else []
    links = [
        {"text": _words(link), "url": _whole(link.attributes.get("href"), base)}
        for link in tree.css("a[href]")[:MAX_FOUND]
    ]
    return {"items": items, "first": items[0] if items else None, "links": links}


def _field(place: Any, selector: str, base: str) -> Any:
    path, at, attribute = selector.strip().partition("@")
    takes_all = path.rstrip().endswith("[]")
    path = path.rstrip().removesuffix("[]").strip()
    found = _select(place, path) if path else [place]
    values = [
        (_attribute(node, attribute.strip(), base) if at else _words(node)) for node in found[:MAX_FOUND]
    ]
    return values if takes_all else (values[0] if values else None)


def _select(place: Any, selector: str) -> list[Any]:
    try:
        return list(place.css(selector))
    except (SelectolaxError, ValueError) as error:
        raise NodeError(BAD_SELECTOR, {"selector": selector[:200]}) from error


def _attribute(node: Any, name: str, base: str) -> str | None:
    value: str | None = getattr(node, "attributes", {}).get(name)
    return _whole(value, base) if name in ("href", "src", "action") else value


def _whole(address: str | None, base: str) -> str | None:
    if not address or not base:
        return address
    try:
        return urljoin(base, address)
    except ValueError:  # no address at all, such as http://[
        return address


def _words(node: Any) -> str:
    place = node.body if hasattr(node, "body") else node
    return " ".join(place.text(separator=" ").split()) if place is not None else ""
