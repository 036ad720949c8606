"""The documented functions: each does what its line says, in the evaluator and handed over alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sage_studio.engine.handing_over import settled_value
from sage_studio.expressions import evaluate
from sage_studio.expressions.functions import FUNCTIONS
from sage_studio.expressions.handing import HandedOver
from sage_studio.expressions.methods import BY_TYPE
from sage_studio.expressions.programs import Reads, Script
from sage_studio.expressions.reference import completion_data, functions
from sage_studio.sandbox.runner import close_code_runner


@pytest.fixture(autouse=True)
async def _sandbox_ends() -> AsyncIterator[None]:
    yield
    close_code_runner()


def test_every_example_gives_what_its_line_says() -> None:
    wrong = {
        doc.example: found
        for doc in functions()
        if (found := evaluate(f"{{{{ {doc.example} }}}}", {})) != doc.result
    }
    assert wrong == {}


async def test_every_example_gives_the_same_when_handed_over() -> None:
    wrong = {}
    for doc in functions():
        text = HandedOver(doc.example, (Script(doc.example, 0, Reads({})),), {})
        found = await settled_value(text.evaluate({}), doc.example)
        if found != doc.result:
            wrong[doc.example] = found
    assert wrong == {}


def test_every_function_of_a_value_is_documented() -> None:
    own = {str: "text", list: "list", int: "number", dict: "object", bool: "boolean"}
    for kind, name in own.items():
        documented = {doc.name for doc in functions() if doc.kind in {name, "date"}}
        assert set(BY_TYPE[kind]) - documented == set()
    assert set(FUNCTIONS) == {doc.name for doc in functions() if doc.kind == "function"}


def test_the_editor_gets_both_languages() -> None:
    assert all(entry["en"] and entry["zh"] for entry in completion_data())
