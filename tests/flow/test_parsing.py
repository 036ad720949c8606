"""Reading flows: what is accepted, and what bad input is told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.flow import FlowDocument, canonical_bytes, layout_hash, parse, semantic_hash
from sage_studio.kernel import SageError
from tests.flow.strategies import TEXTS, flows

YAML = """
schema: sage-studio/flow@1
name: Demo
nodes:
  - id: reader_1
    type: file_reader
    pos: [10, 20.5]
    config: {kind: yes, max_rows: 1e3, day: 2024-01-31, "on": "5"}
  - {id: llm_1, type: llm, config: {prompt: "Line one\\nline two"}}
edges:
  - {source: reader_1, source_port: documents, target: llm_1, target_port: documents}
"""


def fault(source: Any) -> SageError:
    with pytest.raises(SageError) as caught:
        parse(source)
    for language in ("en", "zh"):
        words = caught.value.message(language) + caught.value.hint(language)
        assert "{" not in words.replace("{…}", "")
        assert "pydantic" not in words
    return caught.value


def test_yaml_says_what_its_json_twin_says_and_nothing_more() -> None:
    flow = parse(YAML)

    assert flow.nodes[0].config == {"kind": "yes", "max_rows": 1000, "day": "2024-01-31", "on": "5"}
    assert flow.edges[0].id == "reader_1:documents>llm_1:documents"
    again = parse(canonical_bytes(flow))
    assert canonical_bytes(again) == canonical_bytes(flow)


@settings(deadline=None, max_examples=40)
@given(flow=flows())
def test_reading_the_canonical_form_gives_the_same_flow(flow: FlowDocument) -> None:
    body = canonical_bytes(flow)

    again = parse(body)

    assert canonical_bytes(again) == body
    assert semantic_hash(again) == semantic_hash(flow)


def test_unknown_keys_survive_a_round_trip() -> None:
    flow = parse({"nodes": [{"id": "a", "type": "x", "later": {"v": 1}}], "future": [1]})

    body = json.loads(canonical_bytes(flow))

    assert body["future"] == [1]
    assert body["nodes"][0]["later"] == {"v": 1}


def test_defaults_numbers_and_order_make_no_difference_to_the_hash() -> None:
    short = parse({"nodes": [{"id": "b", "type": "x"}, {"id": "a", "type": "x", "config": {"n": 1}}]})
    long = parse(
        {
            "schema": "sage-studio/flow@1",
            "name": "",
            "settings": {"mode": "batch"},
            "nodes": [
                {"id": "a", "type": "x", "config": {"n": 1.0}, "disabled": False, "retry": None},
                {"id": "b", "type": "x", "pos": [0.0, 0]},
            ],
        }
    )

    assert canonical_bytes(short) == canonical_bytes(long)


def test_moving_a_node_changes_the_layout_alone() -> None:
    before = parse({"nodes": [{"id": "a", "type": "x"}]})
    after = parse({"nodes": [{"id": "a", "type": "x", "pos": [5, 5]}], "notes": [{"id": "n", "text": "hi"}]})

    assert semantic_hash(before) == semantic_hash(after)
    assert layout_hash(before) != layout_hash(after)


def test_the_canonical_form_follows_rfc_8785() -> None:
    config: dict[str, Any] = {
        "é": 1e21,
        "a": 1e-7,
        "😀": 0.5,
        "\ufb33": 9007199254740991,
        "z": 4.0,
        "t": '\u2028"\\/',
    }
    flow = parse({"nodes": [{"id": "a", "type": "x", "config": config}]})

    body = canonical_bytes(flow).decode()

    # Keys by UTF-16 code units (the emoji's surrogates before U+FB33), numbers as ECMAScript writes them.
    assert '{"a":1e-7,"t":"\u2028\\"\\\\/","z":4,"é":1e+21,"😀":0.5,"\ufb33":9007199254740991}' in body


def located(source: Any) -> tuple[str, str]:
    error = fault(source)
    return error.code.code, error.path


@pytest.mark.parametrize(
    ("source", "code", "path"),
    [
        ('{"nodes": [1,}', "flow.not_json", ""),
        ("{'nodes': []}", "flow.not_json", ""),
        ('{"nodes": []} trailing', "flow.not_json", ""),
        ("hello there", "flow.not_an_object", ""),
        ("", "flow.not_an_object", ""),
        ("[1, 2]", "flow.not_an_object", ""),
        ("\x00\x01\x02", "flow.not_yaml", ""),
        ("a: [b", "flow.not_yaml", ""),
        (b"\xff\xfe{}", "flow.not_text", ""),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "flow.not_text", ""),
        ('{"nodes": [{"id": "a", "id": "b"}]}', "flow.duplicate_key", "nodes[0]"),
        ("nodes: []\nnodes: []", "flow.yaml_duplicate_key", ""),
        ("nodes: &x []\nedges: *x", "flow.yaml_feature", ""),
        ("nodes: !!python/object:os.system []", "flow.yaml_feature", ""),
        ("a: 1\n---\nb: 2", "flow.yaml_feature", ""),
        ('{"nodes": [{"id": "a", "config": {"x": "a\\u0000"}}]}', "flow.bad_character", "nodes[0].config.x"),
        ('{"nodes": [{"id": "a", "config": {"x": "\\ud800"}}]}', "flow.bad_character", "nodes[0].config.x"),
        ('{"nodes": [], "a\\u0000": 1}', "flow.bad_character", ""),
        ('{"nodes": [], "variables": {"big": 12345678901234567890}}', "flow.bad_number", "variables.big"),
        ('{"nodes": [], "variables": {"x y": [1e999]}}', "flow.bad_number", 'variables["x y"][0]'),
        ('{"nodes": [], "variables": {"x": NaN}}', "flow.bad_number", "variables.x"),
        ('{"nodes": [], "variables": {"x": %s}}' % ("9" * 5000), "flow.bad_number", "variables.x"),
        ('{"hello": 1}', "flow.not_a_flow", ""),
        ('{"schema": "sage-studio/flow@9", "nodes": []}', "flow.other_schema", "schema"),
        ({"nodes": {"a": 1}}, "flow.field_type", "nodes"),
        ({"nodes": [5]}, "flow.field_type", "nodes[0]"),
        ({"nodes": [{"id": "a"}]}, "flow.field_missing", "nodes[0].type"),
        ({"nodes": [{"id": "1 a", "type": "t"}]}, "flow.bad_id", "nodes[0].id"),
        ({"nodes": [{"id": "a", "type": "t", "name": "x" * 201}]}, "flow.field_too_long", "nodes[0].name"),
        ({"nodes": [{"id": "a", "type": "t", "pos": [1]}]}, "flow.field_missing", "nodes[0].pos[1]"),
        ({"nodes": [{"id": "a", "type": "t", "pos": ["1", 2]}]}, "flow.field_type", "nodes[0].pos[0]"),
        ({"nodes": [{"id": "a", "type": "t", "disabled": "yes"}]}, "flow.field_type", "nodes[0].disabled"),
        ({"nodes": [{"id": "a", "type": "t", "timeout_s": 0}]}, "flow.field_range", "nodes[0].timeout_s"),
        ({"nodes": [{"id": "a", "type": "t", "on_error": "boom"}]}, "flow.field_option", "nodes[0].on_error"),
        ({"settings": {"budget": {"amount": 1, "currency": "usd"}}, "nodes": []}, "flow.bad_currency",
         "settings.budget.currency"),
        ({"nodes": [{"id": "a", "type": ""}]}, "flow.field_empty", "nodes[0].type"),
        ({"nodes": [], "edges": [{"source": "a"}]}, "flow.invalid", "edges[0].source_port"),
        ({"nodes": [], "name": "x" * 201}, "flow.field_too_long", "name"),
        ({"nodes": [], "x": object()}, "flow.not_json_value", "x"),
        ({"nodes": [], "x": {1: 2}}, "flow.bad_character", "x"),
        ({"nodes": [{"id": f"n{i}", "type": "t"} for i in range(10_001)]}, "flow.field_too_long", "nodes"),
    ],
)  # fmt: skip
def test_bad_input_is_told_what_is_wrong_and_where(source: Any, code: str, path: str) -> None:
    assert located(source) == (code, path)


def test_several_faults_come_together_each_with_its_place() -> None:
    error = fault({"nodes": [{"id": "1", "type": "", "name": 5}], "settings": 3})

    assert error.code.code == "flow.invalid"
    assert [below.path for below in error.errors] == [
        "settings",
        "nodes[0].id",
        "nodes[0].type",
        "nodes[0].name",
    ]
    assert error.errors[3].message() == "nodes[0].name (1) must be a text, not 5."


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("depth", [100, 5_000, 200_000])
def test_deep_nesting_is_refused_and_crashes_nothing(opening: str, depth: int) -> None:
    assert fault(opening * depth).code.code in ("flow.too_deep", "flow.not_json")


ODD = (
    st.sampled_from(
        ["\ud800", "a\x00", "\U0001f600", "é", "\\u0000", 10**15, -(10**16), 2**53, 2**53 - 1, -0.0]
    )
    | st.floats()
    | st.integers()
    | TEXTS
)


@given(
    st.recursive(
        ODD,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=4,
    ),
    st.booleans(),
)
def test_a_text_is_read_as_its_values_are(value: Any, escaped: bool) -> None:
    """Texts are looked through as a whole, values one by one: what gets through, and why not, is the same."""
    flow = {"nodes": [], "variables": {"v": value}}

    def outcome(source: Any) -> object:
        try:
            return parse(source).variables
        except SageError as error:
            return error.code.code, error.path

    of_text, of_values = outcome(json.dumps(flow, ensure_ascii=escaped)), outcome(flow)

    assert repr(of_text) == repr(of_values)


def test_sixty_five_levels_are_one_too_many() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return {"nodes": [], "variables": {"v": value}}

    parse(json.dumps(nested(62)))
    assert fault(json.dumps(nested(63))).code.code == "flow.too_deep"
    assert fault(nested(63)).code.code == "flow.too_deep"
    assert fault("nodes: []\nvariables: {v: " + "[" * 63 + "]" * 63 + "}").code.code == "flow.yaml_too_deep"


@pytest.mark.parametrize(
    "garbage",
    [b"x" * (10 << 20), b"\x00" * (10 << 20), "{" * (10 << 20), '{"nodes": "' + "y" * (10 << 20) + '"}'],
    ids=["text", "zeros", "braces", "one long text"],
)
def test_ten_megabytes_of_garbage_are_refused_at_once(garbage: str | bytes) -> None:
    began = time.thread_time()

    assert fault(garbage).code.code == "flow.too_large"
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "garbage", ["a: b: c: " * 200_000, "- " * 1_000_000, "? " * 900_000, "x\n" * 900_000]
)
def test_megabytes_that_are_no_yaml_are_refused_in_time(garbage: str) -> None:
    began = time.thread_time()

    fault(garbage)

    assert time.thread_time() - began < 5


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_input_is_a_flow_or_a_named_fault(source: str | bytes) -> None:
    try:
        flow = parse(source)
    except SageError as error:
        named = error.code.code.startswith("flow.")
        flow = None
        if not named:
            raise
    assert flow is None or isinstance(flow, FlowDocument)
