"""Port types: reading them and what fits what. The tables are shared with the browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sage_studio.flow import is_assignable, parse_type
from sage_studio.kernel import SageError

VECTORS = json.loads((Path(__file__).parent.parent / "golden" / "types.json").read_text())


@pytest.mark.parametrize(("text", "canonical"), VECTORS["read"])
def test_types_are_read_with_the_spellings_of_other_languages(text: str, canonical: str) -> None:
    assert str(parse_type(text)) == canonical
    assert parse_type(canonical) == parse_type(text)


@pytest.mark.parametrize("text", VECTORS["refused"])
def test_what_is_no_type_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(SageError) as caught:
        parse_type(text)

    assert caught.value.code.code == "flow.port_type"
    assert caught.value.message("zh")


@pytest.mark.parametrize(("source", "target", "fits"), VECTORS["fits"])
def test_a_value_fits_a_port_by_the_rules_of_the_library(source: str, target: str, fits: bool) -> None:
    assert is_assignable(source, target) is fits


@pytest.mark.parametrize("name", ["string", "array<Document>", "map<number>", "Table", "string | null"])
def test_every_type_fits_itself_and_any(name: str) -> None:
    assert is_assignable(name, name)
    assert is_assignable(name, "any")
    assert is_assignable("any", name)
