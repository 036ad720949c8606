"""Secrets do not come out: every dress they travel in, at every place where a run says something."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

import pytest

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.engine.context import MAX_LOG_LINE_LENGTH
from sage_studio.engine.masks import BLOT, Masks
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text

SECRET = 'p@ss/w+rd "<&> 密钥!'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEA\n-----END KEY-----"

DRESSES = {
    "as it is": SECRET,
    "json": json.dumps({"k": SECRET}),
    "json in chinese": json.dumps({"k": SECRET}, ensure_ascii=False),
    "json in json": json.dumps(json.dumps([SECRET])),
    "address": f"https://x.example/?k={quote(SECRET)}",
    "address, strictly": quote(SECRET, safe=""),
    "address, small": re.sub("%..", lambda found: found[0].lower(), quote(SECRET, safe="")),
    "form": quote_plus(SECRET),
    "page": f"<b>{html.escape(SECRET)}</b>",
    "hexadecimal": SECRET.encode().hex(),
    **{
        f"base64 after {before} bytes": base64.b64encode(b"u" * before + SECRET.encode() + b"zz").decode()
        for before in range(4)
    },
    "base64 for addresses": base64.urlsafe_b64encode(f"ada:{SECRET}".encode()).decode(),
}


def traces(said: str) -> list[str]:
    """What of the secret could still be read."""
    found = [SECRET] if SECRET in said else []
    for at in range(len(said)):
        for size in (16, 24, 32):
            try:
                plain = base64.b64decode(
                    said[at : at + size].replace("-", "+").replace("_", "/"), validate=True
                )
            except ValueError:
                continue
            if b"w+rd" in plain:
                found.append(said[at : at + size])
    return found


@pytest.mark.parametrize("name", DRESSES)
def test_a_secret_is_blotted_in_every_dress(name: str) -> None:
    masks = Masks({SECRET})
    said = masks.text(f"before {DRESSES[name]} after")
    assert BLOT in said
    assert said.startswith("before ")
    assert said.endswith(" after")
    assert traces(said) == []


def test_each_line_of_a_key_is_blotted() -> None:
    masks = Masks({KEY})
    for line in KEY.split("\n")[1:3]:
        assert line not in masks.text(f"read: {line}")


def test_values_are_walked_into() -> None:
    value = {"list": [SECRET, ("x", SECRET)], SECRET: 1, "raw": b"a" + SECRET.encode(), "set": {SECRET}}
    shown = repr(Masks({SECRET}).value(value))
    assert SECRET not in shown
    assert repr(SECRET.encode())[2:-1] not in shown


@pytest.mark.parametrize("short", ["", "1", "on", "12345"])
def test_what_is_too_short_to_be_a_secret_is_left_alone(short: str) -> None:
    line = "1 of 12345 is on"
    assert Masks({short}).text(line) == line


class Blab(Node):
    """Says a secret wherever a node can say something."""

    spec: ClassVar = NodeSpec(
        id="blab",
        name=text("Blab", "泄露"),
        description=text("For tests", "测试用"),
        category="utility",
        icon="list",
        inputs=(Port(name="value", label=text("v", "v")),),
        outputs=(
            Port(name="value", label=text("v", "v")),
            Port(name="rows", type="stream<any>", label=text("r", "r")),
        ),
        config=(
            Field(name="fails", type="boolean", label=text("f", "f"), default=False),
            Field(name="said", type="any", label=text("s", "s"), default=None),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:  # type: ignore[override]
        secret = (await ctx.credential("blab"))["api_key"]
        ctx.log(f"log {secret}", header=f"Bearer {secret}", nested=[{"k": secret}])
        ctx.log("x" * (MAX_LOG_LINE_LENGTH - 4) + secret)
        ctx.progress(1, 1, f"progress {secret}")
        if ctx.config["fails"]:
            raise NodeError.plain(f"error {secret}")
        yield {"rows": f"row {secret}"}
        yield {"value": {"plain": secret, "packed": base64.b64encode(secret.encode()).decode()}}


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_a_run_leaves_behind_holds_the_secret(tmp_path: Path, *, fails: bool) -> None:
    nodes = [
        {"id": "a", "type": "blab", "config": {"fails": fails}},
        {"id": "b", "type": "blab", "config": {"said": "{{ a.value }}"}},
    ]
    edges = [{"id": "e", "source": "a", "source_port": "value", "target": "b", "target_port": "value"}]
    body: dict[str, Any] = {"schema": "sage-studio/flow@1", "name": "f", "nodes": nodes, "edges": edges}
    plan = compile_flow(parse_plain(body), NodeRegistry((Blab,)))
    store = MemoryRunStore()
    with (
        LocalHost(folder=tmp_path, environ={"SAGE_CREDENTIAL_BLAB": SECRET}) as host,
        ThreadPoolExecutor(1) as threads,
    ):
        result = await run_flow(plan, run_id="run", inputs={}, store=store, host=host, threads=threads)
    kept = repr([store.events, store.nodes])
    assert "log " in kept
    told = repr([result.error, kept])
    assert SECRET[:4] not in told
    assert traces(told) == []
