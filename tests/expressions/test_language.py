"""What expressions mean: JavaScript's rules where they make sense for data."""

from __future__ import annotations

import copy
import math
from types import MappingProxyType
from typing import Any

import pytest

from sage_studio.expressions import compile_template, evaluate

SCOPE: dict[str, Any] = {
    "retriever_a1": {
        "documents": [
            {"text": "alpha", "score": 0.9, "metadata": {"page": 1, "tags": ["x", "y"]}},
            {"text": "beta", "score": 0.4, "metadata": {"page": 2, "tags": []}},
            {"text": "gamma", "score": 0.7, "metadata": None},
        ],
        "empty": None,
        "zero": 0,
    },
    "inputs": {"question": "Why?", "rows": [[1, 2], [3, [4]]]},
    "flow": {"id": "f1", "name": "Demo", "inputs": {"lang": "en"}},
    "run": {"id": "r1", "started_at": "2026-01-01T00:00:00.000Z"},
    "vars": {"limit": 3, "greeting": "你好", "face": "🙂!"},
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Whole values keep their type, mixed texts are joined.
        ("plain text", "plain text"),
        ("", ""),
        ("{{ vars.limit }}", 3),
        ("{{vars.limit}}", 3),
        ("{{ vars.limit }} ", "3 "),
        ("{{ vars }}", {"limit": 3, "greeting": "你好", "face": "🙂!"}),
        ("{{ true }}{{ null }}{{ 1.50 }}", "true1.5"),
        ("Tags: {{ retriever_a1.documents[0].metadata.tags }}", 'Tags: ["x","y"]'),
        ("\\{{ not code }} {{ 1 }}", "{{ not code }} 1"),
        ("a } b }} c { d", "a } b }} c { d"),
        # Paths.
        ("{{ retriever_a1.documents[1].text }}", "beta"),
        ("{{ retriever_a1['documents'][0]['text'] }}", "alpha"),
        ("{{ retriever_a1.documents['0'].text }}", "alpha"),
        ("{{ retriever_a1.documents.length }}", 3),
        ("{{ retriever_a1.documents[99] }}", None),
        ("{{ retriever_a1.documents[-1] }}", None),
        ("{{ retriever_a1.missing }}", None),
        ("{{ retriever_a1.documents.at(-1).text }}", "gamma"),
        ("{{ vars.greeting.length }}", 2),
        ("{{ vars.face.length }}", 2),
        ("{{ retriever_a1.documents[vars.limit - 2].text }}", "beta"),
        # ?. and ??
        ("{{ retriever_a1.empty?.x }}", None),
        ("{{ retriever_a1.empty?.x.y.z }}", None),
        ("{{ retriever_a1.empty?.[0] }}", None),
        ("{{ retriever_a1.empty?.toString().trim() }}", None),
        ("{{ retriever_a1.documents[2].metadata?.page ?? 'none' }}", "none"),
        ("{{ retriever_a1.zero ?? 5 }}", 0),
        ("{{ retriever_a1.zero || 5 }}", 5),
        ("{{ retriever_a1.zero && 5 }}", 0),
        # Operators.
        ("{{ 1 + 2 * 3 ** 2 }}", 19),
        ("{{ 2 ** 3 ** 2 }}", 512),
        ("{{ (1 + 2) * 3 }}", 9),
        ("{{ 7 % 3 }}", 1),
        ("{{ -7 % 3 }}", -1),
        ("{{ 10 / 4 }}", 2.5),
        ("{{ 10 / 5 }}", 2),
        ("{{ 0.1 + 0.2 }}", 0.30000000000000004),
        ("{{ '5' * '2' }}", 10),
        ("{{ '5' + 2 }}", "52"),
        ("{{ 5 - '2' }}", 3),
        ("{{ true + 1 }}", 2),
        ("{{ null + 1 }}", 1),
        ("{{ 'a' + null }}", "anull"),
        ("{{ 1 < 2 }}", True),
        ("{{ '10' < '9' }}", True),
        ("{{ '10' < 9 }}", False),
        ("{{ 'x' < 1 }}", False),
        ("{{ 1 == '1' }}", True),
        ("{{ 1 === '1' }}", False),
        ("{{ true === 1 }}", False),
        ("{{ true == 1 }}", True),
        ("{{ null == undefined }}", True),
        ("{{ null == 0 }}", False),
        ("{{ [] == [] }}", False),
        ("{{ 1 !== 2 }}", True),
        ("{{ !'' }}", True),
        ("{{ ![] }}", False),
        ("{{ +'3.5' }}", 3.5),
        ("{{ -'3' }}", -3),
        ("{{ typeof 'x' }}", "string"),
        ("{{ typeof missing_is_a_key.x }}", "undefined"),
        ("{{ 'limit' in vars }}", True),
        ("{{ 2 in [1, 2] }}", False),
        ("{{ 1 > 0 ? 'yes' : 'no' }}", "yes"),
        ("{{ 0 ? 1 : 0 ? 2 : 3 }}", 3),
        ("{{ vars.limit > 2 && vars.greeting.length === 2 }}", True),
        # What JSON cannot say leaves as null, but reads as JavaScript writes it inside a text.
        ("{{ 1 / 0 }}", None),
        ("{{ Number('x') }}", None),
        ("{{ [1 / 0, 0 / 0] }}", [None, None]),
        ("= {{ 1 / 0 }}", "= Infinity"),
        ("= {{ 1e21 }} {{ 1e-7 }}", "= 1e+21 1e-7"),
        ("= {{ 123456789012345680000 }} {{ 0.000001 }}", "= 123456789012345680000 0.000001"),
        # Literals.
        ("{{ [1, 'a', null, [2]] }}", [1, "a", None, [2]]),
        ("{{ {a: 1, 'b c': 2, [vars.greeting]: 3, 4: 5} }}", {"a": 1, "b c": 2, "你好": 3, "4": 5}),
        ("{{ {a: {b: {}}} }}", {"a": {"b": {}}}),
        ("{{ {...vars, limit: 4} }}", {"limit": 4, "greeting": "你好", "face": "🙂!"}),
        ("{{ [...[1, 2], 3, ...'ab'] }}", [1, 2, 3, "a", "b"]),
        ("{{ `n=${vars.limit} ${`in ${1 + 1}`}` }}", "n=3 in 2"),
        ("{{ 'it\\'s \\u4f60\\n' }}", "it's 你\n"),
        ("{{ 0x1F }}", 31),
        ("{{ /* note */ 1 // end\n }}", 1),
        # Texts.
        ("{{ '  Ab '.trim().toUpperCase() }}", "AB"),
        ("{{ 'a,b,c'.split(',') }}", ["a", "b", "c"]),
        ("{{ 'abc'.split('') }}", ["a", "b", "c"]),
        ("{{ 'hello'.slice(1, -1) }}", "ell"),
        ("{{ 'hello'.substring(3, 1) }}", "el"),
        ("{{ 'hello'.includes('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo') }}", True),
        ("{{ 'a.b.c'.replace('.', '-') }}", "a-b.c"),
        ("{{ 'a.b.c'.replaceAll('.', '-') }}", "a-b-c"),
        ("{{ '7'.padStart(3, '0') + '7'.padEnd(3, 'xy') }}", "0077xy"),
        ("{{ 'ab'.repeat(3) }}", "ababab"),
        ("{{ 'abc'.indexOf('c') + 'abc'.indexOf('z') }}", 1),
        ("{{ 'abc'[1] + 'abc'.at(-1) + 'abc'.charAt(9) }}", "bc"),
        # Lists.
        ("{{ retriever_a1.documents.map(d => d.text) }}", ["alpha", "beta", "gamma"]),
        ("{{ [{t: 'a', s: 1}, {t: 'b', s: 0}].filter(d => d.s).map((d, i) => `${i}:${d.t}`) }}", ["0:a"]),
        ("{{ retriever_a1.documents.find(d => d.text.startsWith('b')).score }}", 0.4),
        ("{{ retriever_a1.documents.findIndex(d => d.score < 0) }}", -1),
        ("{{ retriever_a1.documents.some(d => d.score > 0.8) }}", True),
        ("{{ retriever_a1.documents.every(d => d.score > 0.8) }}", False),
        ("{{ [1, 2, 3].reduce((sum, x) => sum + x, 0) }}", 6),
        ("{{ [1, 2, 3].reduce((a, b) => a * b) }}", 6),
        ("{{ [3, 1, 10].sort() }}", [1, 10, 3]),
        ("{{ [3, 1, 10].sort((a, b) => a - b) }}", [1, 3, 10]),
        ("{{ [1, 2].concat([3], 4).slice(1).reverse() }}", [4, 3, 2]),
        ("{{ inputs.rows.flat() }}", [1, 2, 3, [4]]),
        ("{{ inputs.rows.flat(2) }}", [1, 2, 3, 4]),
        ("{{ [1, 2].flatMap(x => [x, x * 10]) }}", [1, 10, 2, 20]),
        ("{{ [1, 2].includes(2) && [1, 2].indexOf('2') === -1 }}", True),
        ("{{ ['a', null, 'b', ''].filter(Boolean) }}", ["a", "b"]),
        ("{{ ['1', 'x', ''].map(Number) }}", [1, None, 0]),
        ("{{ [1, null, [2]].join('-') }}", "1--[2]"),
        ("{{ [[1, 2], [3, 4]].map(row => row.map(x => x * vars.limit)) }}", [[3, 6], [9, 12]]),
        ("{{ [1, 2].map(() => 0) }}", [0, 0]),
        ("{{ [5, 6].map((x, i, all) => all.length + i) }}", [2, 3]),
        # Built-in functions.
        ("{{ Math.round(2.5) + Math.round(-2.5) }}", 1),
        ("{{ Math.max(...[1, 5, 3]) - Math.min(4, 2) }}", 3),
        ("{{ Math.floor(-1.5) }}", -2),
        ("{{ Math.max() }}", None),
        ("{{ Math.PI > 3 }}", True),
        ("{{ Object.keys(vars) }}", ["limit", "greeting", "face"]),
        ("{{ Object.entries({a: 1}) }}", [["a", 1]]),
        ("{{ Object.fromEntries([['a', 1]]) }}", {"a": 1}),
        ("{{ Object.assign({a: 1}, null, {b: 2}) }}", {"a": 1, "b": 2}),
        ("{{ JSON.stringify({a: [1, 'é']}) }}", '{"a":[1,"é"]}'),
        ("{{ JSON.parse('{\"a\": [1]}').a }}", [1]),
        ("{{ Array.isArray([]) && !Array.isArray({}) }}", True),
        ("{{ Number('0x10') + Number('') + Number(true) }}", 17),
        ("{{ parseInt('42px') + parseFloat('1.5e1kg') }}", 57),
        ("{{ isNaN('x') && Number.isInteger(5) }}", True),
        ("{{ String(12) + Boolean('') }}", "12false"),
        ("{{ (2.345).toFixed(2) + ' ' + (1e21).toFixed(2) + ' ' + (-0.001).toFixed(1) }}", "2.35 1e+21 -0.0"),
        ("{{ encodeURIComponent('a b&ü') }}", "a%20b%26%C3%BC"),
        ("{{ decodeURIComponent('a%20b') }}", "a b"),
        ("{{ vars.hasOwnProperty('limit') }}", True),
    ],
)  # fmt: skip
def test_an_expression_means_what_javascript_would(source: str, expected: Any) -> None:
    value = evaluate(source, SCOPE | {"missing_is_a_key": {}})

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("text", set()),
        ("{{ retriever_a1.documents[0].text }}", {"retriever_a1.documents"}),
        ("{{ retriever_a1 }}", {"retriever_a1"}),
        ("{{ a.b }} {{ a.c?.d }} {{ e['f'] }}", {"a.b", "a.c.d", "e.f"}),
        ("{{ a.list.map(x => x.y + b.z) }}", {"a.list", "b.z"}),
        ("{{ [1].map(a => a.b) }}", set()),
        ("{{ a.b + [1].map(a => a.c).length }}", {"a.b"}),
        ("{{ Math.max(a.b, JSON.stringify(c)) }}", {"a.b", "c"}),
        ("{{ a[b.c] }}", {"a", "b.c"}),
        ("{{ a + a.b }}", {"a", "a.b"}),
        ("{{ `${a.b}` }}", {"a.b"}),
    ],
)
def test_a_template_says_what_it_reads(source: str, reads: set[str]) -> None:
    assert compile_template(source).reads == reads


def test_positions_count_characters_of_the_template_from_one() -> None:
    assert compile_template("Hi {{ a.b }} {{ c }}").positions == {"a.b": 7, "c": 17}


def test_a_text_without_expressions_is_a_literal() -> None:
    assert compile_template("no { braces }").is_literal
    assert not compile_template("{{ 1 }}").is_literal


def test_evaluating_never_changes_the_scope() -> None:
    scope = copy.deepcopy(SCOPE)
    for source in (
        "{{ inputs.rows.reverse() }}",
        "{{ inputs.rows.sort() }}",
        "{{ Object.assign(vars, {limit: 9}) }}",
        "{{ inputs.rows.concat([9]) }}",
        "{{ {...vars, limit: 9} }}",
    ):
        evaluate(source, scope)

    assert scope == SCOPE


def test_one_compiled_template_serves_many_evaluations_at_once() -> None:
    template = compile_template("{{ xs.map(x => ys.map(y => x * y)) }}")

    assert template.evaluate({"xs": [1, 2], "ys": [3, 4]}) == [[3, 4], [6, 8]]
    assert template.evaluate({"xs": [5], "ys": [6]}) == [[30]]
    assert compile_template("{{ xs.map(x => ys.map(y => x * y)) }}") is template


def test_read_only_mappings_and_tuples_read_like_objects_and_lists() -> None:
    scope = MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})

    assert evaluate("{{ a.b[1] + a.b.length }}", scope) == 4
    assert evaluate("{{ Object.keys(a) }}", scope) == ["b"]
    assert evaluate("={{ a }}", scope) == '={"b":[1,2]}'


def test_not_a_number_never_reaches_a_value() -> None:
    value = evaluate("{{ [1].map(x => x / 0).concat([[0].map(x => x / x)]) }}", {})

    assert value == [None, [None]]
    assert not any(isinstance(item, float) and math.isnan(item) for item in value)
