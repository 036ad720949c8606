"""Expressions beyond the small evaluator run in the JavaScript sandbox, as is decided when they are compiled;
and what both can do gives the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sage_studio.engine.handing_over import settled_config
from sage_studio.expressions import ExpressionError, Template, evaluate
from sage_studio.expressions.handing import HandedOver, compile_handing_over
from sage_studio.kernel import SageError
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
        assert (await settled_config({"x": [template.evaluate(SCOPE)]}))["x"] == [expected]


async def test_a_text_may_hold_both_kinds() -> None:
    template = compile_handing_over("{{ a.n }}: {{ a.text.replace(/o/g, '0') }}, {{ a.none }}!")
    assert dict(template.positions) == {"a.n": 4, "a.text": 15, "a.none": 48}
    assert await settled_config({"x": template.evaluate(SCOPE)}) == {"x": "7: 0ne\ntw0  three, !"}


def test_a_slip_of_the_pen_is_an_error_at_once() -> None:
    for source in ("{{ a.b( }}", "{{ a..b }}", "{{ unknown() }}", "{{ a.replace(/x/ }}}"):
        with pytest.raises(ExpressionError):
            compile_handing_over(source)
    assert isinstance(compile_handing_over("{{ a.b }}"), Template)


def test_names_of_its_own_are_no_reads() -> None:
    text = "{{ rows.filter((r, i) => /x/.test(r.k)).map(({k, v}) => ({k: v, z: `${vars.y} r`})) }}"
    assert compile_handing_over(text).reads == {"rows", "vars.y"}


async def test_a_fault_in_it_says_where() -> None:
    pending = compile_handing_over("{{ a.none.replace(/x/, '') }}").evaluate(SCOPE)
    with pytest.raises(SageError, match="cannot read property 'replace' of null"):
        await settled_config({"x": pending})
    endless = compile_handing_over("{{ (() => { while (true) {} })() }}").evaluate(SCOPE)
    with pytest.raises(SageError, match="ran longer than"):
        await settled_config({"x": endless})
