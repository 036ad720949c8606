"""Values arrive in another process as they left, and nothing else arrives."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sage_studio.engine.executors.frames import HEADER_BYTES, Message, decode, encode, frame_size
from sage_studio.engine.executors.values import Packed, pack, unpack
from sage_studio.kernel import SageError

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=20)
)
keys = st.text(max_size=5) | st.sampled_from(["$bytes", "$tuple", "$", "$$item", "$map"])
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=20,
)


def across(value: Any) -> Any:
    frame = encode(Message("tell", 0, "x", pack(value)))
    assert frame_size(frame[:HEADER_BYTES]) == len(frame) - HEADER_BYTES
    return unpack(decode(frame[HEADER_BYTES:]).body)


@given(values)
def test_any_plain_value_arrives_as_it_left(value: Any) -> None:
    arrived = across(value)
    assert arrived == value
    assert repr(arrived) == repr(value)


def test_what_json_cannot_say_arrives_too() -> None:
    value = {
        "at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "day": date(2026, 1, 2),
        "set": {1, 2},
        "row": np.arange(6, dtype="float32").reshape(2, 3),
        "one": np.float32(0.5),
        "not": float("inf"),
    }
    arrived = across(value)
    assert (arrived["row"] == value["row"]).all()
    assert arrived["row"].dtype == np.float32
    assert {name: held for name, held in arrived.items() if name != "row"} == {
        name: held for name, held in value.items() if name != "row"
    }


@pytest.mark.parametrize("value", [object(), {"deep": [lambda: None]}, np.array([object()])])
def test_what_is_no_data_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(SageError) as caught:
        pack({"top": value})
    assert caught.value.code.code == "executor.value"
    assert str(caught.value.facts["place"]).startswith("top")


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(SageError, match="nesting"):
        pack(value)


@pytest.mark.parametrize(
    "plain",
    [
        {"$bytes": 7}, {"$bytes": -1}, {"$bytes": "x"}, {"$array": ["O", [1], 0]},
        {"$array": ["<f4", [9], 0]},
        {"$time": "yesterday"}, {"$map": [1]}, {"$stream": 1}, {"$hit": []}, {"$item": ["{{ 1 +", {}]},
        {"$response": [200, [], "", 0]},
    ],
)  # fmt: skip
def test_a_made_up_value_is_an_error_and_no_object(plain: Any) -> None:
    with pytest.raises(SageError):
        unpack(Packed(plain, [b"1234"]))


@pytest.mark.parametrize(
    "rest",
    [
        b"", b"\0\0\0\1x", b"\0\0\0\2[]", b"\xff\xff\xff\xff", json.dumps(["run", 1, "", None, []]).encode(),
        b"\0\0\0\x1c" + b'["tell", 0, "x", null, [5]]!', b"\0\0\0\x1c" + b'["what", 0, "x", null, []]  ',
    ],
)  # fmt: skip
def test_a_frame_that_is_none_is_refused(rest: bytes) -> None:
    with pytest.raises(SageError) as caught:
        decode(rest)
    assert caught.value.code.code == "executor.bad_message"


def test_a_frame_says_its_size_within_bounds() -> None:
    for header in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        with pytest.raises(SageError):
            frame_size(header)
