"""``sage-studio run``: a flow on this machine, in this process, without a server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sage_studio.cli import exit_codes
from sage_studio.cli.debug import Terminal
from sage_studio.cli.progress import terminal_progress
from sage_studio.cli.sources import UnreadableError, read_flow, read_inputs
from sage_studio.cli.terminal import coloured, one_line, say, say_error
from sage_studio.cli.validate import print_issues
from sage_studio.engine import Controls, FlowState, LocalExecutor, NodeRecord, RunResult, compile_flow
from sage_studio.engine.debugging.face import Debugger
from sage_studio.flow import FlowDocument, has_errors, validate
from sage_studio.flow.firing import fired_node, only_fired
from sage_studio.kernel import Json, JsonObject, SageError, Text, json_object
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.manager.installed import local_registry
from sage_studio.sandbox import close_code_runner

_DONE = Text(en="Completed in {seconds} s.", zh="已完成，用时 {seconds} 秒。")
_FAILED = Text(en="Failed after {seconds} s: {message}", zh="运行失败，用时 {seconds} 秒：{message}")
_CANCELLED = Text(en="Cancelled after {seconds} s.", zh="已取消，用时 {seconds} 秒。")
_PAUSED = Text(en="Paused after {seconds} s: {message}", zh="已暂停，用时 {seconds} 秒：{message}")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The command line, read."""

    flow: str
    inputs: Sequence[str]
    out: Path
    as_json: bool
    quiet: bool
    verbose: bool
    workers: int
    debug: bool
    breakpoints: Sequence[str]


def command(arguments: Sequence[str]) -> int:
    """Run a flow here and now; progress on standard error, the result on standard output."""
    chosen = _read(arguments)
    try:
        document = read_flow(chosen.flow)
        inputs = read_inputs(document, chosen.inputs)
    except SageError as error:
        say_error(error)
        return exit_codes.UNREADABLE if isinstance(error, UnreadableError) else exit_codes.INVALID
    issues = validate(document, local_registry())
    if has_errors(issues):
        print_issues(chosen.flow, issues)
        return exit_codes.INVALID
    try:
        result = asyncio.run(_run(document, inputs, chosen))
    except SageError as error:
        say_error(error)
        return exit_codes.INVALID
    _print_result(result, chosen)
    return {FlowState.COMPLETED: exit_codes.OK, FlowState.CANCELLED: exit_codes.CANCELLED}.get(
        result.state, exit_codes.FAILED
    )


def _read(arguments: Sequence[str]) -> _Chosen:
    parser = argparse.ArgumentParser(prog="sage-studio run", description=command.__doc__)
    parser.add_argument("flow", help="the flow file (JSON or YAML); - for standard input")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", dest="inputs",
        help="an input of the flow; files by path, several by repeating; @path reads a text from a file",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where written files go")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print the whole result as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress lines")
    parser.add_argument(
        "--verbose", action="store_true", help="also node starts, log lines, and what every node gave"
    )
    parser.add_argument("--workers", type=int, default=4, help="threads for blocking nodes (default 4)")
    parser.add_argument("--debug", action="store_true", help="step through the flow at the terminal")
    parser.add_argument(
        "--break", action="append", default=[], metavar="NODE", dest="breakpoints",
        help="with --debug: go on to this node first; may be repeated",
    )  # fmt: skip
    return _Chosen(**vars(parser.parse_args(arguments)))


async def _run(document: FlowDocument, inputs: Mapping[str, Json], chosen: _Chosen) -> RunResult:
    types = local_registry()
    plan = compile_flow(only_fired(document, types, fired_node(inputs)), types)
    host = LocalHost(folder=chosen.out, out=sys.stderr)
    store = terminal_progress(quiet=chosen.quiet, verbose=chosen.verbose)
    controls = Controls()
    try:
        with LocalExecutor(host, workers=chosen.workers, store=store) as executor:
            if chosen.debug:
                debugger = Debugger(executor, plan)
                with _on_interrupt(debugger.cancel):
                    return await Terminal(debugger).drive(inputs, chosen.breakpoints)
            with _on_interrupt(controls.cancel):
                return await executor.run(plan, inputs, controls=controls)
    finally:
        close_code_runner()
        host.close()


@contextlib.contextmanager
def _on_interrupt(cancel: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C asks the run to stop; the second ends the process as usual."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        cancel()
        loop.remove_signal_handler(signal.SIGINT)

    # Where handlers cannot be set (Windows, not the main thread), Ctrl-C ends the process at once.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)


def _print_result(result: RunResult, chosen: _Chosen) -> None:
    if chosen.as_json:
        print(json.dumps(_as_json(result, verbose=chosen.verbose), ensure_ascii=False, default=str))
        return
    for name, value in result.outputs.items():
        print(f"{coloured(name, 'bold', sys.stdout)}: {_shown(value)}")
    seconds = round(result.duration_ms / 1000, 2)
    message = result.error["message"] if result.error else ""
    words = {FlowState.COMPLETED: _DONE, FlowState.CANCELLED: _CANCELLED, FlowState.PAUSED: _PAUSED}
    say(words.get(result.state, _FAILED), sys.stderr, seconds=seconds, message=message)
    if result.error and (hint := result.error.get("hint")):
        print(f"  → {hint}", file=sys.stderr)


def _shown(value: Json) -> str:
    """A value for people: cut short on a terminal, whole in a pipe."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return one_line(text, 2000) if sys.stdout.isatty() and not isinstance(value, str) else text


def _as_json(result: RunResult, *, verbose: bool) -> JsonObject:
    return {
        "run_id": result.run_id,
        "state": result.state.value,
        "duration_ms": result.duration_ms,
        "outputs": dict(result.outputs),
        "error": json_object(result.error) if result.error else None,
        "nodes": {node_id: _node_json(record, verbose=verbose) for node_id, record in result.nodes.items()},
    }


def _node_json(record: NodeRecord, *, verbose: bool) -> JsonObject:
    body: JsonObject = {"state": record.state, "attempt": record.attempt}
    if record.started_at is not None and record.finished_at is not None:
        body["duration_ms"] = round((record.finished_at - record.started_at) * 1000)
    if record.items is not None:
        body["items"] = record.items
    if verbose and record.outputs is not None:
        body["outputs"] = dict(record.outputs)
    if record.error is not None:
        body["error"] = json_object(record.error)
    return body
