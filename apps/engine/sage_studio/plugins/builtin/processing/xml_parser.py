"""Turns XML into values, or takes what an XPath names out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.texts import text_of
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text

BAD_XML = define_error(
    "xml.bad",
    3904,
    en="The text is not readable XML: {reason} (line {line}).",
    zh="文本不是可读取的 XML：{reason}（第 {line} 行）。",
    hint_en="Check it with an XML tool. Entities and outside references are refused on purpose.",
    hint_zh="请用 XML 工具检查。出于安全考虑，不接受实体声明与外部引用。",
    status=422,
)
BAD_XPATH = define_error(
    "xml.bad_xpath",
    3905,
    en="The XPath “{path}” cannot be used: {reason}.",
    zh="无法使用 XPath “{path}”：{reason}。",
    hint_en="For example //book[@lang='en']/title/text(). Prefixes must be those of the document.",
    hint_zh="例如 //book[@lang='en']/title/text()。命名空间前缀须与文档一致。",
    status=422,
)
MAX_XML_BYTES = 16 << 20
MAX_DEPTH = 200


class XmlParser(Node):
    """Attributes become fields with an @ in front, text beside them ``#text``, repeated elements lists."""

    spec = NodeSpec(
        id="xml_parser",
        name=text("Parse XML", "解析 XML"),
        description=text(
            "Turns XML into values; an XPath picks parts.", "将 XML 解析为数据；可用 XPath 选取部分内容。"
        ),
        category="processing",
        icon="code",
        deterministic=True,
        inputs=(Port(name="text", type="any", label=text("Text or file", "文本或文件"), required=True),),
        outputs=(
            Port(name="value", type="any", label=text("Value", "值")),
            Port(name="items", type="array<any>", label=text("Found", "匹配结果")),
        ),
        config=(
            Field(
                name="xpath",
                label=text("XPath", "XPath"),
                help=text("Empty: the whole document.", "留空表示整个文档。"),
                default="",
                max_length=2_000,
                placeholder=text("//book/title", "//book/title"),
            ),
        ),
        summary=text("{xpath}", "{xpath}"),
        example={
            "config": {"xpath": "//book"},
            "inputs": {"text": "<books><book id='1'><title>Emma</title></book></books>"},
            "outputs": {"items": [{"@id": "1", "title": "Emma"}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        source = await text_of(ctx, inputs["text"], "text", max_bytes=MAX_XML_BYTES)
        xpath = Settings(self.spec, ctx, inputs).text("xpath").strip()
        found = await ctx.in_thread(_read, source, xpath)
        return {"value": found[0] if found else None, "items": found}


def _read(source: str, xpath: str) -> list[Any]:
    etree = library("lxml.etree", "documents")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(source.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise NodeError(BAD_XML, {"reason": error.msg or "?", "line": error.lineno or 1}) from error
    except ValueError as error:
        raise NodeError(BAD_XML, {"reason": str(error), "line": 1}) from error
    if root.getroottree().docinfo.doctype and next(root.iter(etree.Entity), None) is not None:
        raise NodeError(BAD_XML, {"reason": "it uses entities of its own", "line": 1})
    if not xpath:
        return [{_name(root): _value(root)}]
    namespaces = {prefix: uri for node in root.iter() for prefix, uri in node.nsmap.items() if prefix}
    try:
        found = root.xpath(xpath, namespaces=namespaces, smart_strings=False)
    except (etree.XPathError, TypeError) as error:
        raise NodeError(BAD_XPATH, {"path": xpath, "reason": str(error)}, path="config.xpath") from error
    return [_plain(entry) for entry in (found if isinstance(found, list) else [found])]


def _plain(found: Any) -> Any:
    return _value(found) if hasattr(found, "tag") else found


def _name(element: Any) -> str:
    """``prefix:name`` as it stands in the document."""
    local = element.tag.rpartition("}")[2]
    return f"{element.prefix}:{local}" if element.prefix else local


def _value(element: Any, depth: int = 0) -> Any:
    """Text alone, or an object of attributes, text and elements."""
    if depth > MAX_DEPTH:
        raise NodeError(BAD_XML, {"reason": f"nested more than {MAX_DEPTH} deep", "line": element.sourceline})
    held: dict[str, Any] = {f"@{name.rpartition('}')[2]}": value for name, value in element.attrib.items()}
    for child in _elements(element):
        name, value = _name(child), _value(child, depth + 1)
        if name not in held:
            held[name] = value
        elif isinstance(held[name], list):
            held[name].append(value)
        else:
            held[name] = [held[name], value]
    words = "".join(part for part in [element.text, *(child.tail for child in element)] if part).strip()
    if not held:
        return words or None
    return {**held, "#text": words} if words else held


def _elements(element: Any) -> Iterator[Any]:
    return (child for child in element if isinstance(child.tag, str))
