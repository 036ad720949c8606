"""JSON, CSV, XML, HTML, regular expressions, templates and schemas."""

from __future__ import annotations

from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node

ANSWER = 'Sure! Here it is:\n```json\n{"rows": [{"a": 1}], "none": null}\n```\nAnything else?'


async def test_json_is_found_inside_of_what_a_model_wrote(host: LocalHost) -> None:
    config = {"mode": "search", "path": "rows"}
    made = await run_node("json_parser", host, config=config, inputs={"text": ANSWER})
    assert made == {"value": [{"a": 1}], "items": [{"a": 1}]}
    made = await run_node(
        "json_parser", host, config={"mode": "search"}, inputs={"text": "a {b} c [1, {}] d"}
    )
    assert made["value"] == [1, {}]
    problem = await failure_of("json_parser", host, config={"mode": "search"}, inputs={"text": "none {here"})
    assert problem["code"] == "json_parser.no_json"


async def test_json_says_where_it_is_broken_and_what_is_there(host: LocalHost) -> None:
    problem = await failure_of("json_parser", host, inputs={"text": '{"a": 1,}'})
    assert problem["code"] == "file.bad_json"
    assert problem["details"]["column"] > 1
    problem = await failure_of(
        "json_parser", host, config={"path": "b.c"}, inputs={"text": '{"a": 1, "x": 2}'}
    )
    assert problem["code"] == "json_parser.nothing_there"
    assert "a, x" in problem["message"]
    made = await run_node("json_parser", host, config={"path": "a"}, inputs={"text": {"a": None}})
    assert made["value"] is None


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "[NaN]", "1e9999999]", "\x00"])
async def test_hostile_json_is_an_error(host: LocalHost, text: str) -> None:
    for mode in ("strict", "lines"):
        problem = await failure_of("json_parser", host, config={"mode": mode}, inputs={"text": text})
        assert problem["code"] == "file.bad_json"


async def test_csv_out_of_a_text(host: LocalHost) -> None:
    source = '\ufeffa;b\n1;"x\ny"\n2;\n'
    made = await run_node("csv_parser", host, inputs={"text": source})
    assert made["items"] == [{"a": 1, "b": "x\ny"}, {"a": 2, "b": None}]
    config = {"header": False, "numbers": False, "separator": "semicolon", "max_rows": 1}
    made = await run_node("csv_parser", host, config=config, inputs={"text": source})
    assert made["items"] == [{"column_1": "a", "column_2": "b"}]
    assert (await failure_of("csv_parser", host, inputs={"text": [1]}))["code"] == "node.not_text"


XML = """<?xml version="1.0"?><shop xmlns:d="urn:d"><book lang="en"><title>Emma</title><d:n>2</d:n></book>
<book><title>Ἰλιάς</title><title>Iliad</title> and more</book><empty/></shop>"""


async def test_xml_becomes_values_and_xpath_picks(host: LocalHost) -> None:
    made = await run_node("xml_parser", host, inputs={"text": XML})
    assert made["value"] == {
        "shop": {
            "book": [
                {"@lang": "en", "title": "Emma", "d:n": "2"},
                {"title": ["Ἰλιάς", "Iliad"], "#text": "and more"},
            ],
            "empty": None,
        }
    }
    titles = await run_node("xml_parser", host, config={"xpath": "//title/text()"}, inputs={"text": XML})
    assert titles["items"] == ["Emma", "Ἰλιάς", "Iliad"]
    number = await run_node("xml_parser", host, config={"xpath": "sum(//d:n)"}, inputs={"text": XML})
    assert number["value"] == 2.0
    problem = await failure_of("xml_parser", host, config={"xpath": "//["}, inputs={"text": XML})
    assert problem["code"] == "xml.bad_xpath"


LAYERS = [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "lol"}">' for n in range(10)]
BOMB = "".join(LAYERS)


@pytest.mark.parametrize(
    "text",
    [
        f"<!DOCTYPE x [{BOMB}]><x>&a9;</x>",
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x>&y;</x>',
        "<a>" * 100_000,
        "<a>" * 230 + "</a>" * 230,
        "<a></b>",
        "plain",
        "",
        "<a>\x00</a>",
    ],
)
async def test_hostile_xml_is_an_error(host: LocalHost, text: str) -> None:
    problem = await failure_of("xml_parser", host, inputs={"text": text})
    assert problem["code"] == "xml.bad"
    assert "root:" not in str(problem)


PAGE = """<html><head><title>Shop</title><style>p{}</style></head><body><nav><a href="/">Home</a></nav>
<article><h1>Books</h1><p>All of them, and many more words than the menu has.</p><ul>
<li data-id="7"><b>Emma</b> <a href="/emma">read</a><i>a</i><i>b</i></li><li><b>Iliad</b></li></ul></article>
<script>alert(1)</script><footer>imprint</footer></body></html>"""


async def test_html_gives_rows_of_fields_links_and_the_main_text(host: LocalHost) -> None:
    config = {
        "rows": "li",
        "fields": {"id": "@data-id", "name": "b", "url": "a@href", "marks": "i[]"},
        "base": "https://shop.example/x/",
        "main": "main",
    }
    made = await run_node("html_parser", host, config=config, inputs={"html": PAGE})
    assert made["items"] == [
        {"id": "7", "name": "Emma", "url": "https://shop.example/emma", "marks": ["a", "b"]},
        {"id": None, "name": "Iliad", "url": None, "marks": []},
    ]
    assert made["title"] == "Shop"
    assert "All of them" in made["text"]
    assert not {"Home", "imprint", "alert"} & set(made["text"].replace("(", " ").split())
    assert made["links"][0] == {"text": "Home", "url": "https://shop.example/"}
    problem = await failure_of("html_parser", host, config={"rows": "li["}, inputs={"html": PAGE})
    assert problem["code"] == "html.bad_selector"


async def test_html_nested_without_end_is_an_error(host: LocalHost) -> None:
    problem = await failure_of("html_parser", host, inputs={"html": "<div>" * 300_000 + "deep"})
    assert problem["code"] == "html.damaged"
    made = await run_node("html_parser", host, inputs={"html": "<p>" * 100_000 + "flat"})
    assert "flat" in made["text"]


async def regex(host: LocalHost, pattern: str, text: str, **config: Any) -> Any:
    return await run_node("regex_extract", host, config={"pattern": pattern, **config}, inputs={"text": text})


async def test_regular_expressions_find_replace_and_split(host: LocalHost) -> None:
    found = await regex(host, r"(?P<k>\w+)=(?P<v>\d*)", "a=1, 数=2; c=")
    assert [(match["k"], match["v"]) for match in found["matches"]] == [("a", "1"), ("c", "")]
    made = await regex(host, "(A)b", "ab aB", mode="replace", replacement=r"<\1>", ignore_case=True)
    assert (made["text"], made["found"]) == ("<a> <a>", True)
    assert (await regex(host, ", *", "a,b,  c", mode="split"))["matches"] == ["a", "b", "c"]
    lines = await regex(host, "^x$", "x\ny\nx", by_line=True)
    assert [match["start"] for match in lines["matches"]] == [0, 4]
    assert (await regex(host, "q", "abc"))["found"] is False


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "a{1,100000}", "[[:nope:]]"])
async def test_patterns_that_cannot_be_read_are_named(host: LocalHost, pattern: str) -> None:
    problem = await failure_of("regex_extract", host, config={"pattern": pattern}, inputs={"text": "a"})
    assert problem["code"] == "pattern.bad"


async def test_patterns_that_make_other_engines_hang_do_not(host: LocalHost) -> None:
    assert (await regex(host, "(a+)+$", "a" * 100_000 + "b"))["found"] is False


async def test_a_template_writes_one_text_or_one_per_item(host: LocalHost) -> None:
    config = {"template": "Hello {{ inputs.value.name }}, {{ [1, 2] }}{{ null }}!"}
    made = await run_node("template_text", host, config=config, inputs={"value": {"name": "Ada"}})
    assert made["text"] == "Hello Ada, [1,2]!"
    config = {"template": "{{ item }}", "separator": " | "}
    made = await run_node("template_text", host, config=config, inputs={"items": [1, None, {"a": 1}]})
    assert made["text"] == '1 |  | {"a": 1}'


SCHEMA = {
    "type": "object",
    "required": ["mail"],
    "properties": {"mail": {"type": "string", "format": "email"}, "n": {"minimum": 1}},
}


async def test_a_schema_tells_the_good_from_the_bad_and_why(host: LocalHost) -> None:
    items: list[Any] = [{"mail": "a@b.example"}, {"mail": "no", "n": 0}, 7]
    made = await run_node("validator", host, config={"schema": SCHEMA}, inputs={"items": items})
    assert made["items"] == items[:1]
    assert [(reject["index"], [e["path"] for e in reject["errors"]]) for reject in made["rejects"]] == [
        (1, ["mail", "n"]),
        (2, ["item"]),
    ]
    config = {"schema": SCHEMA, "on_invalid": "fail"}
    problem = await failure_of("validator", host, config=config, inputs={"items": items})
    assert (problem["code"], problem["details"]["index"]) == ("validator.invalid", 1)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"pattern": "("},
        {"$ref": "#/nowhere"},
    ],
)
async def test_a_schema_that_is_none_is_named_and_nothing_is_fetched(
    host: LocalHost, schema: dict[str, Any]
) -> None:
    problem = await failure_of("validator", host, config={"schema": schema}, inputs={"items": ["a"]})
    assert problem["code"] == "validator.bad_schema"
