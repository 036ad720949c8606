"""The strict JSON parser."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, strategies as st

from apps.common.errors import ApiError
from apps.common.parsers import MAX_DEPTH, parse_json
from sage_studio.kernel import SageError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(values)
def test_what_python_writes_is_read_back(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' appears twice"),
        (b"NaN", "not a JSON number"),
        (b"[Infinity]", "not a JSON number"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested deeper"),
        (b"1" * 5000, "too many digits"),
        (b"1e999", "too large"),
        (rb'"a\u0000b"', "NUL"),
        (b'"\\ud800"', "surrogate"),
        (rb'{"\u0000": 1}', "NUL"),
    ],
)
def test_bad_bodies_are_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(SageError) as caught:
        parse_json(body)
    assert caught.value.code.code == "request.not_json"
    assert reason in caught.value.message()
    in_chinese = caught.value.message("zh").removeprefix("请求正文不是有效的 JSON：")
    assert any("\u4e00" <= character <= "\u9fff" for character in in_chinese)


def test_brackets_inside_strings_are_not_depth() -> None:
    text = '["' + "[" * 1000 + '\\""]'
    assert parse_json(text.encode()) == ["[" * 1000 + '"']


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with contextlib.suppress(ApiError):
        parse_json(body)
