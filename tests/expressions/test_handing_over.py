"""Expressions beyond the small evaluator run in the JavaScript sandbox, as is decided when they are compiled;
and what both can do gives the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sage_studio.engine.bindings import bind_config, compile_item
from sage_studio.engine.handing_over import settled_config, settled_value
from sage_studio.expressions import ExpressionError, Template, evaluate
from sage_studio.expressions.handing import HandedOver, compile_handing_over, compile_here
from sage_studio.kernel import Json, SageError
from sage_studio.sandbox.runner import close_code_runner, code_runner

SCOPE: Mapping[str, Any] = {
    "a": {
        "text": "one\ntwo  three", "n": 7, "f": 2.5, "none": None, "yes": True,
        "rows": [{"k": "b", "v": 2}, {"k": "a", "v": 1}, {"k": "c", "v": 3}], "words": ["x", "yy", "z"],
    },
}  # fmt: skip

BOTH = [
    "a.text", "a.rows.length", "a.rows[1].k", "a.none?.x ?? 'none'", "a.n > 3 ? 'big' : 'small'",
    "a.n + a.f * 2", "a.n % 4", "2 ** 10", "'n: ' + a.n", "`${a.n} of ${a.rows.length}`",
    "a.rows.map(r => r.v * 2)", "a.rows.filter(r => r.v > 1).map(r => r.k).join('-')",
    "a.rows.find(r => r.k == 'c').v", "a.rows.reduce((sum, r) => sum + r.v, 0)",
    "a.rows.some(r => r.v == 3)", "a.rows.every(r => r.v == 3)", "a.rows.map(r => r.k).sort()",
    "[...a.words, 'w'].reverse()", "a.words.slice(-2)", "a.words.indexOf('yy')", "a.words.includes('z')",
    "a.words.concat(['q']).flat()", "a.text.split('\\n')[0].toUpperCase()", "a.text.replace('one', 'uno')",
    "a.text.slice(2, 5)", "a.text.substring(4)", "a.text.trim().length", "a.text.indexOf('two')",
    "'x'.padStart(4, '0')", "'ab'.repeat(3)", "a.text.startsWith('one')", "(3.14159).toFixed(2)",
    "Number('12') + 1", "String(12) + 1", "parseInt('12px')", "Math.max(1, a.n, 3)", "Math.round(a.f)",
    "Object.keys(a.rows[0])", "Object.entries({x: 1})", "JSON.stringify({x: [1, 'y']})",
    "JSON.parse('[1]')[0]", "typeof a.n", "!a.yes || a.none", "a.n == '7'", "a.n === '7'", "a.none == null",
    "{x: 1, ...a.rows[0]}", "Array.isArray(a.rows)", "encodeURIComponent('a b&c')", "'a' < 'b'",
    "a.words.at(-1)", "'7' * '2'", "1 / 0 > 5", "a.yes + 1", "[1, [2, 3]].flat().length",
    "'k' in a.rows[0]", "+'3' - -1", "a.rows.flatMap(r => [r.k, r.v])", "a.rows.findIndex(r => r.v == 3)",
    "(0.1 + 0.2).toFixed(3)",
]  # fmt: skip

BEYOND = [
    ("a.text.replace(/\\s+/g, ' ')", "one two three"),
    ("a.text.match(/t(\\w+)/)[1]", "wo"),
    ("new Date(0).toISOString()", "1970-01-01T00:00:00.000Z"),
    ("(() => { const x = a.n; return {x, y: [x]}; })()", {"x": 7, "y": [7]}),
    ("a.rows.reduce((r, i) => (r[i.k] = i.v, r), {})", {"b": 2, "a": 1, "c": 3}),
    ("a.rows.map(r => { const { k } = r; return `<${k}>` }).join('')", "<b><a><c>"),
]


@pytest.fixture(autouse=True)
async def _sandbox_ends() -> AsyncIterator[None]:
    yield
    close_code_runner()


async def test_both_evaluators_give_the_same() -> None:
    differ = {}
    for source in BOTH:
        theirs = await code_runner().run("javascript", f"return ({source})", inputs=SCOPE)
        if (ours := evaluate(f"{{{{ {source} }}}}", SCOPE)) != theirs:
            differ[source] = (ours, theirs)
    assert differ == {}


async def test_what_lies_beyond_is_handed_over() -> None:
    for source, expected in BEYOND:
        template = compile_handing_over(f"{{{{ {source} }}}}")
        assert isinstance(template, HandedOver)
        assert {read.split(".")[0] for read in template.reads} <= {"a"}
        assert await settled_value(template.evaluate(SCOPE), template.source) == expected


async def test_long_texts_with_emoji_come_back() -> None:
    text = "{{ `${a.text.replace(/x/g, '👋 ')}${a.text}👤${a.text}` }}"
    found = await settled_value(compile_handing_over(text).evaluate({"a": {"text": "x" * 5_000}}), text)
    assert found == "👋 " * 5_000 + "x" * 5_000 + "👤" + "x" * 5_000


async def test_a_text_may_hold_both_kinds() -> None:
    template = compile_handing_over("{{ a.n }}: {{ a.text.replace(/o/g, '0') }}, {{ a.none }}!")
    assert dict(template.positions) == {"a.n": 4, "a.text": 15, "a.none": 48}
    assert await settled_value(template.evaluate(SCOPE), template.source) == "7: 0ne\ntw0  three, !"


def test_a_slip_of_the_pen_is_an_error_at_once() -> None:
    for source in ("{{ a.b( }}", "{{ a..b }}", "{{ unknown() }}", "{{ a.replace(/x/ }}}"):
        with pytest.raises(ExpressionError):
            compile_handing_over(source)
    assert isinstance(compile_handing_over("{{ a.b }}"), Template)


def test_names_of_its_own_are_no_reads() -> None:
    text = "{{ rows.filter((r, i) => /x/.test(r.k)).map(({k, v}) => ({k: v, z: `${vars.y} r`})) }}"
    assert compile_handing_over(text).reads == {"rows", "vars.y"}


def test_a_name_of_its_own_may_be_that_of_a_value_too() -> None:
    text = "{{ item.tags.map(item => item.name.replace(/x/, '')) + item.other }}"
    assert compile_handing_over(text).reads == {"item"}


async def test_a_fault_in_it_says_where() -> None:
    text = "Hello {{ /x/.test('') }} {{\n a.text.trim()\n.replace(/x/, '').x.y }}!"
    with pytest.raises(ExpressionError, match=r"cannot read property 'y' of undefined") as caught:
        await settled_value(compile_handing_over(text).evaluate(SCOPE), text)
    at = caught.value.facts["position"]
    assert isinstance(at, int)
    assert text[at - 1 :].startswith("replace(/x/, '').x.y")
    endless = "{{ (() => { while (true) {} })() }}"
    with pytest.raises(SageError, match="ran longer than"):
        await settled_value(compile_handing_over(endless).evaluate(SCOPE), endless)


async def test_all_of_a_configuration_is_one_call_and_gets_what_it_reads() -> None:
    config: dict[str, Json] = {
        "a": "{{ a.text.replace(/o/g, '0') }}",
        "b": [{"c": "n: {{ [...a.words].map(w => w.replace(/y/g, 'i')) }}"}, "{{ a.rows }}", 1],
        "d": "{{ a.rows }}",
    }
    binding = bind_config(config, None, "nodes[0]")
    assert binding.handed is not None
    assert binding.handed.keys() == {"a", "b"}
    resolved = binding.resolve(SCOPE)
    found = await settled_config(resolved, binding.handed)
    assert found["a"] == "0ne\ntw0  three"
    assert found["b"] == [{"c": 'n: ["x","ii","z"]'}, SCOPE["a"]["rows"], 1]
    assert found["d"] is SCOPE["a"]["rows"]


ITEMS = [{"k": "a-b", "n": 1}, {"k": "c-d", "n": 2}, {"k": "", "n": 3}]


async def test_items_go_over_together_with_what_stays_here() -> None:
    template: Json = {
        "k": "{{ item.k.replace(/-/g, a.words[1]) }}",
        "t": "{{ index }}: {{ item.n * 2 }} {{ /c/.test(item.k) }}",
        "n": "{{ item.n + 1 }}",
        "c": [1, {}, "x"],
    }
    field = compile_item(template, SCOPE)
    assert field.hands_over
    assert await field.over(ITEMS[:2], 5, code_runner()) == [
        {"k": "ayyb", "t": "5: 2 false", "n": 2, "c": [1, {}, "x"]},
        {"k": "cyyd", "t": "6: 4 true", "n": 3, "c": [1, {}, "x"]},
    ]
    assert await field.over([], 0, code_runner()) == []
    many = [{"k": f"{n}-"} for n in range(2_500)]
    assert await compile_item("{{ item.k.match(/^\\d+/)[0] }}", {}).over(many, 0, code_runner()) == [
        str(n) for n in range(2_500)
    ]


async def test_a_fault_at_an_item_names_it() -> None:
    field = compile_item("{{ item.k.match(/(\\w)-/)[1] }}", SCOPE)
    with pytest.raises(ExpressionError) as caught:
        await field.over(ITEMS, 10, code_runner())
    assert caught.value.facts["item"] == 12
    assert "cannot read property '1' of null" in caught.value.message()


async def test_what_is_too_much_at_once_goes_in_parts() -> None:
    field = compile_item("{{ item.k.replace(/x/, 'y').repeat(1000) }}", {})
    items = [{"k": "xxxxxxxxxx" * 10}] * 1_000
    found = await field.over(items, 0, code_runner())
    assert len(found) == 1_000
    assert found[-1].startswith("yxx")


async def test_a_total_is_carried_through_one_call() -> None:
    field = compile_item("{{ total + item.k.replace(/[^a-z]/g, '') + index }}", SCOPE)
    assert await field.fold(ITEMS, 0, ("total", ">"), code_runner()) == ">ab0cd12"
    text = compile_item(
        {"n": "{{ total.n + item.n }}", "s": "{{ item.n }}{{ /a/.test(item.k) }}{{ null }}"}, {}
    )
    assert await text.fold(ITEMS[:2], 0, ("total", {"n": 5}), code_runner()) == {"n": 8, "s": "2false"}


def test_a_place_that_cannot_hand_over_says_so() -> None:
    with pytest.raises(
        ExpressionError, match="needs the JavaScript sandbox, which this field cannot use"
    ) as caught:
        compile_here("{{ item.k.replace(/a/, '') }}", hands_over=False)
    assert "JavaScript 沙箱" in caught.value.message("zh")
    assert "JavaScript function" in caught.value.hint()


def test_reading_a_long_text_takes_one_pass() -> None:
    text = "{{ a.text.replace(/x/, '}}') }}" * 900
    found = compile_handing_over(text)
    assert isinstance(found, HandedOver)
    assert len(found.scripts) == 900
