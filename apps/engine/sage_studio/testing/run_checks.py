"""Checks of what a node does, made by running its example in several ways."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from sage_studio.kernel import SageError
from sage_studio.sdk import CredentialKind, Field, Node, NodeSpec
from sage_studio.sdk.schema import schema_of
from sage_studio.testing.findings import Finding, error, skipped
from sage_studio.testing.host import CANARY, NO_NETWORK, BenchHost
from sage_studio.testing.loop_watch import HELD_LIMIT_S, LoopWatch, watched_loop
from sage_studio.testing.running import NodeRun, flow_of, run_body

CANCEL_LIMIT_S = 30.0
_TURNS_BEFORE_CANCEL = (2, 12)
_CRASHES = ("node.crashed", "node.bad_output")
# What code that may be repeated, run ahead of need and answered from a cache must not do.
_PURE_MAY_NOT = ("files.write", "notifier.notify", "vectors.upsert", "state.set", "http.post", "http.put",
                 "http.patch", "http.delete")  # fmt: skip


class Bench:
    """A node and its example."""

    def __init__(self, node: type[Node], kinds: tuple[CredentialKind, ...] = ()) -> None:
        self.node = node
        self.spec: NodeSpec = node.spec
        self.kinds = kinds
        self.example: Mapping[str, Any] = node.spec.example or {}
        self.is_flow = "flow" in self.example
        self.needs = str(self.example.get("needs", ""))
        self.own_config: Mapping[str, Any] = self.example.get("config", {})
        self.config = {**self.own_config, **_credentials(self.spec)}
        self.inputs: Mapping[str, Any] = self.example.get("inputs", {})

    def body(self, config: Mapping[str, Any] | None = None, inputs: Mapping[str, Any] | None = None) -> Any:
        if self.is_flow:
            return {"schema": "sage-studio/flow@1", **self.example["flow"]}
        given = self.own_config if config is None else config
        return flow_of(self.spec, given, self.inputs if inputs is None else inputs)

    async def run(self, *, watch: Callable[[BenchHost], None] | None = None, **changes: Any) -> NodeRun:
        with tempfile.TemporaryDirectory() as folder, self.host(folder) as host:
            try:
                return await run_body(self.body(**changes), self.node, host, whole=self.is_flow)
            finally:
                if watch is not None:
                    watch(host)

    def host(self, folder: str, *, hangs: bool = False) -> BenchHost:
        return BenchHost(Path(folder), hangs=hangs, kinds=self.kinds)


def _credentials(spec: NodeSpec) -> dict[str, str]:
    """A credential that gives itself away in every field for one."""
    fields = [field for field in spec.config if field.control == "credential"]
    return {field.name: (field.credential_kinds or ("api_key",))[0] for field in fields}


async def check_example(bench: Bench) -> Iterator[Finding]:
    """It runs, gives what it promises, fits the node's own schema, and is as harmless as the node says."""
    spec = bench.spec
    if not bench.example:
        return iter([error(spec.id, "example", "it has no example", "没有示例")])
    if bench.needs:
        return iter([skipped(spec.id, "example", f"it needs {bench.needs}", f"需要 {bench.needs}")])
    uses: list[str] = []
    with watched_loop() as watch:
        run = await bench.run(watch=lambda host: uses.extend(host.uses))
    if run.error is not None and run.error["code"] == NO_NETWORK.code:
        return iter(
            [skipped(spec.id, "example", run.error["message"], "示例需要网络"), *_effect(bench, uses)]
        )
    if run.state != "completed":
        said = run.error["message"] if run.error else run.state
        return iter([error(spec.id, "example", f"it ends with: {said}", f"运行结果：{said}")])
    found = [*_outputs(bench, run), *_schema(bench, run), *_effect(bench, uses)]
    if watch.calls or watch.held_s > HELD_LIMIT_S:
        found += await _watched_again(bench, had_calls=bool(watch.calls))
    if bench.node.is_deterministic(bench.own_config) and dict((await bench.run()).outputs) != dict(
        run.outputs
    ):
        found.append(
            error(
                spec.id,
                "effect",
                "deterministic, but not the same the second time",
                "声明为确定性，但两次结果不同",
            )
        )
    return iter(found)


def _outputs(bench: Bench, run: NodeRun) -> Iterator[Finding]:
    for port, value in bench.example.get("outputs", {}).items():
        if run.outputs.get(port) != value:
            given = json.dumps(run.outputs.get(port), ensure_ascii=False, default=str)[:300]
            yield error(bench.spec.id, "example", f"{port} is {given}", f"{port} 的值为 {given}")


def _effect(bench: Bench, uses: list[str]) -> Iterator[Finding]:
    changes = ", ".join(sorted(set(uses).intersection(_PURE_MAY_NOT)))
    if changes and not bench.is_flow and bench.node.effect(bench.own_config) == "pure":
        yield error(
            bench.spec.id, "effect", f"it says pure and calls {changes}", f"声明为 pure，却调用了 {changes}"
        )


async def _watched_again(bench: Bench, *, had_calls: bool) -> list[Finding]:
    """What it had to load is there now, and no fault of its work."""
    with watched_loop(calls=had_calls) as watch:
        await bench.run()
    return list(_loop(bench, watch))


def _loop(bench: Bench, watch: LoopWatch) -> Iterator[Finding]:
    remedy = "use await, ctx.in_thread or blocking=True"
    remedy_zh = "请使用 await、ctx.in_thread 或 blocking=True"
    if watch.calls:
        calls = ", ".join(sorted(set(watch.calls)))
        yield error(
            bench.spec.id,
            "loop",
            f"it waits in the event loop ({calls}); {remedy}",
            f"在事件循环中等待（{calls}）；{remedy_zh}",
        )
    if watch.held_s > HELD_LIMIT_S:
        held = f"{watch.held_s:.1f}"
        yield error(
            bench.spec.id,
            "loop",
            f"it computes for {held} s in the event loop; {remedy}",
            f"在事件循环中计算了 {held} 秒；{remedy_zh}",
        )


def _schema(bench: Bench, run: NodeRun) -> Iterator[Finding]:
    spec = bench.spec
    if bench.is_flow:
        return
    schema = schema_of(spec)
    parts = {"config": bench.example.get("config", {}), "inputs": bench.inputs, "outputs": run.outputs}
    several = {port.name for port in spec.inputs if port.multiple}
    for part, values in parts.items():
        shown = {
            name: value for name, value in values.items() if name not in several and not _computed(value)
        }
        unknown = sorted(set(shown) - set(schema[part]["properties"]) - {"error"})
        if unknown:
            names = ", ".join(unknown)
            yield error(spec.id, "schema", f"{part}: “{names}” is not declared", f"{part}：未声明“{names}”")
        plain = json.loads(json.dumps(shown, default=str))
        for problem in jsonschema_rs.validator_for({**schema[part], "required": []}).iter_errors(plain):
            place = "/".join(map(str, problem.instance_path))
            yield error(
                spec.id, "schema", f"{part}/{place}: {problem.message}", f"{part}/{place}：{problem.message}"
            )


def _computed(value: Any) -> bool:
    return "{{" in json.dumps(value, ensure_ascii=False, default=str)


async def check_inputs(bench: Bench) -> Iterator[Finding]:
    """A wrong value ends in a clear error, never in a crash."""
    if bench.is_flow or bench.needs or not bench.example:
        return iter(())
    found = []
    for name, value, is_port in _wrong_values(bench.spec):
        config = bench.own_config if is_port else {**bench.own_config, name: value}
        inputs = {**bench.inputs, name: value} if is_port else bench.inputs
        said = await _crash(bench, config, inputs)
        if said:
            shown = f"{name} = {json.dumps(value, ensure_ascii=False)[:60]}"
            found.append(error(bench.spec.id, "inputs", f"{shown}: {said}", f"{shown}：{said}"))
    return iter(found)


async def _crash(bench: Bench, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """What an attempt stumbled over, unless it ended as it should."""
    try:
        run = await bench.run(config=config, inputs=inputs)
    except SageError:
        return ""
    except Exception as problem:  # noqa: BLE001 - that it is any other is the finding
        return f"{type(problem).__name__}: {problem}"
    is_crash = run.error is not None and run.error["code"] in _CRASHES
    return str(run.error["message"]) if run.error is not None and is_crash else ""


def _wrong_values(spec: NodeSpec) -> Iterator[tuple[str, Any, bool]]:
    """Field or port, a value that is wrong there, and whether it comes by a connection."""
    for port in spec.inputs:
        if not port.multiple and port.type != "any" and port.use == "data":
            wrong: Any = 7 if port.type.startswith(("array", "stream", "string", "object")) else "not that"
            yield port.name, wrong, True
    for field in spec.config:
        if field.expression == "allowed" and field.type != "any":
            yield from ((field.name, value, False) for value in _wrong(field))


def _wrong(field: Field) -> Iterator[Any]:
    if field.required:
        yield None
    if field.type in ("integer", "number"):
        yield "many"
        if field.maximum is not None:
            yield field.maximum + 1
    elif field.type == "boolean":
        yield {"a": 1}
    elif field.type in ("object", "array"):
        yield "neither"
    else:
        yield {"a": 1}
        if field.options:
            yield "none of them"


async def check_secrets(bench: Bench) -> Iterator[Finding]:
    """A credential's secret stands in no output, log line, event or error."""
    if not any(field.control == "credential" for field in bench.spec.config) or not bench.example:
        return iter(())
    printed: list[str] = []
    run = await bench.run(watch=lambda host: printed.append(host.printed.getvalue()), config=bench.config)
    said = json.dumps([dict(run.outputs), run.error, run.events, printed], ensure_ascii=False, default=str)
    forms = (CANARY, quote(CANARY), base64.b64encode(CANARY.encode()).decode())
    if any(form in said for form in forms):
        return iter([error(bench.spec.id, "secrets", "a secret is told to others", "泄露了密钥")])
    return iter(())


async def check_cancel(bench: Bench) -> Iterator[Finding]:
    """Told to stop, it stops; also while a server does not answer."""
    if bench.needs or not bench.example:
        return iter(())
    for turns in _TURNS_BEFORE_CANCEL:
        problem = await _cancelled_after(bench, turns)
        if problem is not None:
            return iter([problem])
    return iter(())


async def _cancelled_after(bench: Bench, turns: int) -> Finding | None:
    with tempfile.TemporaryDirectory() as folder, bench.host(folder, hangs=True) as host:
        async with asyncio.TaskGroup() as group:
            run = group.create_task(_quiet(bench, host))
            for _turn in range(turns):
                await asyncio.sleep(0)
            run.cancel()
            _done, still = await asyncio.wait({run}, timeout=CANCEL_LIMIT_S)
            if still:
                limit = f"{CANCEL_LIMIT_S:.0f}"
                run.cancel()
                return error(
                    bench.spec.id,
                    "cancel",
                    f"it still runs {limit} s after it was cancelled",
                    f"取消 {limit} 秒后仍在运行",
                )
    return None


async def _quiet(bench: Bench, host: BenchHost) -> None:
    try:
        await run_body(bench.body(), bench.node, host)
    except SageError:
        return
