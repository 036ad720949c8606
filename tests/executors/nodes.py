"""Nodes that show where and how they run. Importable from other processes, unlike those of one test."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from sage_studio.kernel import define_error
from sage_studio.sdk import Context, Node, NodeError, NodeOutput, Port, text
from tests.engine.nodes import config, spec

ODD = define_error("test.odd", 9902, en="Odd: {why}", zh="奇怪：{why}", retryable=True)


class WhereAmI(Node):
    """Gives its process and what it was given."""

    spec: ClassVar = spec("where_am_i", cpu_bound=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": {"pid": os.getpid(), "parent": os.getppid(), "given": inputs.get("value")}}


class Echo(Node):
    """Gives back what reaches it, with what it says of itself."""

    spec: ClassVar = spec("echo", cpu_bound=True, config=(config("text", type="any"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        mine = [ctx.node_id, ctx.attempt, ctx.idempotency_key, ctx.iteration_path, ctx.config["text"]]
        return {"value": inputs.get("value"), "mine": mine}


class Crunch(Node):
    """Computes without ever waiting, for ``seconds``; says so as it begins, and looks at ``cancelled``
    when told to."""

    spec: ClassVar = spec(
        "crunch",
        cpu_bound=True,
        config=(
            config("seconds", type="number", default=30),
            config("polite", type="boolean", default=False),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.log(f"crunching {os.getpid()}")
        end = time.monotonic() + ctx.config["seconds"]
        while time.monotonic() < end:
            if ctx.config["polite"] and ctx.cancelled:
                raise NodeError.plain("I stop")
        return {"value": "done"}


class Die(Node):
    """Ends its process the way ``how`` says."""

    spec: ClassVar = spec("die", cpu_bound=True, config=(config("how", default="exit"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        os.write(2, b"my last words\n")
        if ctx.config["how"] == "exit":
            os._exit(17)
        os.kill(os.getpid(), signal.SIGSEGV)
        return {}


class Grow(Node):
    """Takes ``mb`` megabytes and keeps them for a while."""

    spec: ClassVar = spec("grow", cpu_bound=True, config=(config("mb", type="integer", default=0),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        held = [b"x" * (1 << 20) for _ in range(ctx.config["mb"])]
        await asyncio.sleep(5 if ctx.config["mb"] else 0)
        return {"value": len(held)}


class Chatty(Node):
    """Uses everything its context offers."""

    spec: ClassVar = spec("chatty", cpu_bound=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.log("begin", level="warning", size=3)
        ctx.progress(1, 2, "half")
        secret = (await ctx.credential("key"))["api_key"]
        ctx.log(f"the key is {secret}")
        await ctx.state.set("kept", [1, {"two": 2}])
        key = await ctx.blobs.put(b"\x00\xffblob")
        written = await ctx.files.write("made.txt", "text/plain", _pieces())
        read = [piece async for piece in ctx.files.stream(written, chunk_bytes=4)]
        ctx.progress(2, 2)
        return {
            "value": {
                "state": await ctx.state.get("kept"),
                "blob": await ctx.blobs.get(key),
                "file": written["name"],
                "pieces": read,
                "secret_length": len(secret),
                "has_model": ctx.llm.available,
                "in_thread": await ctx.in_thread(sum, [1, 2, 3]),
            }
        }


async def _pieces() -> AsyncIterator[bytes]:
    for piece in (b"one ", b"two ", b"three"):
        yield piece


class Complain(Node):
    """Fails in the way ``how`` says."""

    spec: ClassVar = spec("complain", cpu_bound=True, config=(config("how", default="known"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        how = ctx.config["how"]
        if how == "known":
            raise NodeError(ODD, {"why": "so {it} is", "retry_after_s": 2})
        if how == "os":
            await asyncio.to_thread(Path("/no/such/file").read_text)
        if how == "asked":
            await ctx.files.read({"name": "x", "mime": "", "size_bytes": 0, "ref": "path:/no/such/file"})
        if how == "value":
            return {"value": object()}
        if how == "shape":
            return [1]  # type: ignore[return-value]
        raise ZeroDivisionError("by design")


class TellSecret(Node):
    """Says a secret aloud and hands it on."""

    spec: ClassVar = spec("tell_secret", cpu_bound=True, config=(config("name", default="key"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        secret = next(iter((await ctx.credential(ctx.config["name"])).values()))
        ctx.log(f"using {secret}")
        return {"value": f"Bearer {secret}"}


class Adder(Node):
    """Adds ``by``; takes a moment of processor time."""

    spec: ClassVar = spec("adder", cpu_bound=True, config=(config("by", type="number", default=1),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.log(f"adding {ctx.config['by']}")
        return {"value": (inputs.get("value") or 0) + ctx.config["by"]}


class Items(Node):
    """Evaluates an item field over what reaches it."""

    spec: ClassVar = spec("items", cpu_bound=True, config=(config("what", type="any", expression="item"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        what = ctx.config["what"]
        return {"value": [what.evaluate(item, at) for at, item in enumerate(inputs["value"])]}


class Forked(Node):
    """Takes the branch its value names."""

    spec: ClassVar = spec(
        "forked",
        cpu_bound=True,
        outputs=(Port(name="yes", label=text("y", "y")), Port(name="no", label=text("n", "n"))),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"yes" if inputs.get("value") else "no": inputs.get("value")}


NODES: dict[str, type[Node]] = {
    node.spec.id: node
    for node in (WhereAmI, Echo, Crunch, Die, Grow, Chatty, Complain, TellSecret, Adder, Items, Forked)
}
