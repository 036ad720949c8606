"""The suite every node is held to finds what is wrong with nodes that are wrong in one way each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, text
from sage_studio.testing import conformance, examine, run_checks, run_node

WORD = text("Word", "词")
GOOD = NodeSpec(
    id="good",
    name=WORD,
    description=text("Gives a word back.", "返回一个词。"),
    category="utility",
    icon="hash",
    outputs=(Port(name="word", type="string", label=WORD),),
    config=(
        Field(name="word", label=WORD, required=True, wireable=True),
        Field(name="key", label=WORD, control="credential", credential_kinds=("bearer",), default=""),
    ),
    example={"config": {"word": "hi"}, "inputs": {}, "outputs": {"word": "hi"}},
)


class Good(Node):
    spec: ClassVar = GOOD

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"word": str(inputs.get("word") or ctx.config["word"])}


class WithoutChinese(Good):
    spec: ClassVar = GOOD.model_copy(update={"name": text("Word", " ")})


class WrongDefault(Good):
    spec: ClassVar = GOOD.model_copy(
        update={
            "config": (
                *GOOD.config,
                Field(name="n", type="integer", label=WORD, default=9, minimum=0, maximum=5),
            )
        }
    )


class WrongExample(Good):
    spec: ClassVar = GOOD.model_copy(
        update={"example": {"config": {"word": "hi"}, "outputs": {"word": "ho"}}}
    )


class Undeclared(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"word": "hi", "secret_port": 5}


class OtherType(Good):
    spec: ClassVar = GOOD.model_copy(update={"example": {"config": {"word": "hi"}}})

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"word": 5}


class Crashes(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"word": "".join(ctx.config["word"].split())}


class Leaks(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        if ctx.config.get("key"):
            ctx.log("asking", secret=dict(await ctx.credential(str(ctx.config["key"])))["token"])
        return {"word": "hi"}


class NotPure(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await ctx.files.write("a.txt", "text/plain", b"hi")
        return {"word": "hi"}


class NotDeterministic(Good):
    spec: ClassVar = GOOD.model_copy(update={"deterministic": True, "example": {"config": {"word": "hi"}}})

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"word": str(time.perf_counter_ns())}


class Blocks(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        time.sleep(0.001)  # noqa: ASYNC251 - what must be found
        return {"word": "hi"}


class Stays(Good):
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            await asyncio.sleep(3600)
        return {"word": "hi"}


async def test_a_good_node_has_nothing_to_be_told() -> None:
    assert await examine(Good) == []


@pytest.mark.parametrize(
    ("node", "check", "words"),
    [
        (WithoutChinese, "languages", "name is empty in zh"),
        (WrongDefault, "spec", "default of n is out of bounds"),
        (WrongExample, "example", 'word is "hi"'),
        (Undeclared, "schema", "“secret_port” is not declared"),
        (OtherType, "schema", "outputs/word"),
        (Crashes, "inputs", "word = null: "),
        (Leaks, "secrets", "told to others"),
        (NotPure, "effect", "pure and calls files.write"),
        (NotDeterministic, "effect", "not the same"),
        (Blocks, "loop", "time.sleep"),
        (Stays, "cancel", "still runs"),
    ],
)
async def test_a_faulty_node_is_told_what_is_wrong(
    node: type[Node], check: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_checks, "CANCEL_LIMIT_S", 0.2)
    errors = [finding for finding in await examine(node) if finding.severity == "error"]
    assert {finding.check for finding in errors} == {check}
    assert words in errors[0].message["en"]


def test_as_a_test_it_fails_with_the_findings() -> None:
    conformance(Good)()
    with pytest.raises(AssertionError, match="good: example: word is"):
        conformance(Good, WrongExample)()


async def test_a_node_runs_alone_with_its_log() -> None:
    class Says(Good):
        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            ctx.log("working", word=ctx.config["word"])
            return {"word": ctx.config["word"]}

    run = await run_node(Says, config={"word": "{{ 1 + 1 }}"})
    assert (run.state, run.outputs) == ("completed", {"word": 2})
    assert "working" in run.log[0]
