"""What expressions refuse, how they say so, and that nothing gets out."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.expressions import ExpressionError, compile_template, evaluate


class Host:
    """An object of the host that must stay closed, with something worth stealing."""

    secret = "s3cret"

    def __init__(self) -> None:
        self.token = "t0ken"

    def steal(self) -> str:
        return self.secret

    def __str__(self) -> str:
        return self.secret

    __repr__ = __str__


SCOPE: dict[str, Any] = {
    "retriever_a1": {"documents": [{"text": "x"}], "empty": None},
    "host": Host(),
    "module": time,
    "callable": len,
    "big": list(range(1000)),
}


@pytest.mark.parametrize(
    ("source", "code", "position"),
    [
        ("{{ }}", "expression.syntax", 4),
        ("{{ 1 + }}", "expression.syntax", 8),
        ("{{ a b }}", "expression.syntax", 6),
        ("{{ 'abc }}", "expression.syntax", 4),
        ("{{ (1 }}", "expression.syntax", 7),
        ("{{ [1 2] }}", "expression.syntax", 7),
        ("{{ {a 1} }}", "expression.syntax", 7),
        ("{{ 1a }}", "expression.syntax", 4),
        ("{{ '\\u12' }}", "expression.syntax", 5),
        ("{{ a.1 }}", "expression.syntax", 5),
        ("x {{ a", "expression.unclosed", 3),
        ("{{ {a: 1 }}", "expression.unclosed", 1),
        ("{{ a = 1 }}", "expression.unsupported", 6),
        ("{{ a += 1 }}", "expression.unsupported", 6),
        ("{{ a++ }}", "expression.unsupported", 5),
        ("{{ 1; 2 }}", "expression.unsupported", 5),
        ("{{ 1 | 2 }}", "expression.unsupported", 6),
        ("{{ new Date() }}", "expression.unsupported", 4),
        ("{{ this.x }}", "expression.unsupported", 4),
        ("{{ function () {} }}", "expression.unsupported", 4),
        ("{{ import('os') }}", "expression.unsupported", 4),
        ("{{ /a+/.test('a') }}", "expression.unsupported", 4),
        ("{{ x => x }}", "expression.unsupported", 4),
        ("{{ [1].map(x => { return x }) }}", "expression.unsupported", 17),
        ("{{ [1].map(({a}) => a) }}", "expression.unsupported", 12),
        ("{{ [1].map((a, a) => a) }}", "expression.syntax", 12),
        ("{{ [1].push(2) }}", "expression.unsupported", 8),
        ("{{ big.map(x => x)() }}", "expression.unsupported", 19),
        ("{{ Math }}", "expression.unsupported", 4),
        ("{{ a?.() }}", "expression.unsupported", 5),
        ("{{ tag`x` }}", "expression.unsupported", 7),
        ("{{ nothing.x }}", "expression.unknown_name", 4),
        ("{{ retriever_a1.empty.x }}", "expression.null_access", 4),
        ("{{ retriever_a1.missing.trim() }}", "expression.null_access", 25),
        ("{{ 'x'.toUppercase() }}", "expression.unknown_method", 8),
        ("{{ eval('1') }}", "expression.unsupported", 4),
        ("{{ fetch('x') }}", "expression.unknown_method", 4),
        ("{{ Math.random() }}", "expression.unknown_method", 9),
        ("{{ {} * 2 }}", "expression.type", 6),
        ("{{ Object.keys(1) }}", "expression.type", 11),
        ("{{ [...1] }}", "expression.type", 5),
        ("{{ [1].map('x') }}", "expression.value", 8),
        ("{{ JSON.parse('{') }}", "expression.value", 9),
        ("{{ [].reduce((a, b) => a) }}", "expression.value", 7),
        ("{{ (1).toFixed(101) }}", "expression.value", 8),
    ],
)
def test_a_fault_has_a_code_a_position_and_words_in_both_languages(
    source: str, code: str, position: int
) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, SCOPE | {"a": None})

    error = caught.value
    assert (error.code.code, error.facts["position"]) == (code, position)
    for language in ("en", "zh"):
        words = error.message(language) + error.hint(language)
        assert words
        assert "{name}" not in words
        assert "?.?" not in words


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("{{ retriever_a2.documents }}", "retriever_a1"),
        ("{{ 'x'.toUppercase() }}", "toUpperCase"),
        ("{{ Object.key(big) }}", "keys"),
        ("{{ parseint('1') }}", "parseInt"),
    ],
)
def test_a_near_miss_is_answered_with_what_was_meant(source: str, meant: str) -> None:
    with pytest.raises(ExpressionError, match=f"Did you mean “{meant}”"):
        evaluate(source, SCOPE)


@pytest.mark.parametrize(
    "name", ["secret", "token", "steal", "__class__", "__dict__", "sleep", "__globals__"]
)
@pytest.mark.parametrize("root", ["host", "module", "callable", "big", "''", "(1)", "retriever_a1"])
def test_no_attribute_of_a_host_object_can_be_read_or_called(root: str, name: str) -> None:
    assert evaluate(f"{{{{ {root}.{name} }}}}", SCOPE) is None
    assert evaluate(f"{{{{ {root}['{name}'] }}}}", SCOPE) is None
    with pytest.raises(ExpressionError):
        evaluate(f"{{{{ {root}.{name}() }}}}", SCOPE)


@pytest.mark.parametrize(
    "source", ["={{ host }}", "{{ [host].join() }}", "{{ JSON.stringify({a: host}) }}", "{{ '' + [host] }}"]
)
def test_a_host_object_never_writes_itself_into_a_text(source: str) -> None:
    assert "s3cret" not in str(evaluate(source, SCOPE))


@pytest.mark.parametrize("source", ["{{ big.map(callable) }}", "{{ callable(big) }}", "{{ host.steal() }}"])
def test_a_callable_among_the_values_is_never_called(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, SCOPE)


def test_format_strings_are_plain_text() -> None:
    scope = {"x": "{0.__class__} %s ${y} {{ y }}"}

    assert evaluate("{{ x }}!", scope) == "{0.__class__} %s ${y} {{ y }}!"


@pytest.mark.parametrize(
    "source",
    [
        "{{ big.map(a => big.map(b => big.map(c => 1))) }}",
        "{{ big.map(a => big) .flat().flatMap(x => big) }}",
        "{{ big.reduce((a, x) => [...a, ...a], [1]) }}",
        "{{ big.reduce((a, x) => a.concat(a), [1]) }}",
        "{{ big.map(a => big.slice()) .map(a => big.map(b => big.includes(-1))) }}",
        "{{ big.flatMap(a => big).sort((a, b) => b - a) }}",
        "{{ big.map(x => 'y'.repeat(1000000)).length }}",
        "{{ JSON.parse('[' + '[],'.repeat(900000) + '[]]').flat().length + big.flatMap(x => big).length }}",
    ],
)
def test_work_without_end_is_stopped(source: str) -> None:
    began = time.thread_time()

    with pytest.raises(ExpressionError) as caught:
        evaluate(source, SCOPE)

    assert caught.value.code.code in ("expression.budget", "expression.too_large")
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'x'.repeat(1e9) }}",
        "{{ 'x'.padStart(1e12) }}",
        "{{ 'ab'.replaceAll('a', 'x'.repeat(1e7)).replaceAll('x', 'yyyy') }}",
        "{{ big.map(x => 'x'.repeat(100)).join('x'.repeat(100000)) }}",
        "{{ big.reduce((s, x) => s + s, 'x') }}",
    ],
)
def test_a_text_without_end_is_refused_before_it_is_made(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source, SCOPE)

    assert caught.value.code.code == "expression.too_large"


@pytest.mark.parametrize(
    "body",
    [
        "(" * 500 + "1" + ")" * 500,
        "[" * 500 + "]" * 500,
        "!" * 500 + "1",
        "-" * 3 + " -" * 500 + "1",
        "+".join("1" * 500),
        "**".join("1" * 500),
        "a" + ".b" * 500,
        "1 ? " * 500 + "1" + " : 1" * 500,
        "[1].map(a => " * 100 + "1" + ")" * 100,
        "`${" * 20 + "1" + "}`" * 20,
        "1+" * 20_000 + "1",
    ],
)
def test_deep_or_endless_source_is_refused_and_crashes_nothing(body: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template("{{ " + body + " }}")

    assert caught.value.code.code.startswith("expression.")


def test_deep_values_are_refused_and_crash_nothing() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ExpressionError) as caught:
        evaluate("={{ deep }}", {"deep": deep})

    assert caught.value.code.code == "expression.too_deep"
    while isinstance(deep, list):
        deep = deep.pop()


ALPHABET = st.sampled_from(
    [
        *"abx01 .,:?()[]{}'\"`$+-*/%<>=!&|\\\n",
        "=>",
        "?.",
        "??",
        "&&",
        "{{",
        "}}",
        "map",
        "a.b",
        "Math.",
        "...",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ALPHABET, max_size=25).map("".join))
def test_any_text_evaluates_or_fails_as_an_expression_error(body: str) -> None:
    for source in (body, "{{" + body + "}}"):
        with contextlib.suppress(ExpressionError):
            evaluate(source, {"a": {"b": [1, "x", None]}, "b": 2, "x": "y"})


@pytest.mark.parametrize(
    "source",
    [
        "JSON.stringify(rows.map(row => wide))",
        "rows.map(row => [wide]).map(String)",
        "rows.map(row => ({[wide]: 1}))",
        "rows.map(row => long).sort() + rows.map(row => long)",
    ],
)
def test_one_big_value_many_times_is_not_written_out(source: str) -> None:
    scope = {"rows": list(range(10_000)), "wide": [1] * 1_000, "long": "x" * 100_000}
    with pytest.raises(ExpressionError) as caught:
        evaluate(f"{{{{ {source} }}}}", scope)
    assert caught.value.code.code in {"expression.budget", "expression.too_large"}


def test_a_long_hexadecimal_number_is_a_number_like_any_other() -> None:
    assert evaluate("{{ 0xff }}", {}) == 255
    assert evaluate("{{ 0x" + "f" * 16 + " }}", {}) == float(2**64)
    assert evaluate("{{ 0x" + "f" * 5_000 + " }}", {}) is None
