"""``sage-studio run --debug``: stepping through a flow at the terminal."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TextIO

from sage_studio.cli.terminal import coloured, language, one_line, say, say_error
from sage_studio.engine.debugging.face import Debugger, StoppedAt
from sage_studio.engine.records import RunResult
from sage_studio.kernel import Json, SageError, Text

_HELP = Text(
    en="""\
  n  step over               s  step into               o  step out
  c  continue                r <node>  run to a node    a  try a failed node again
  b <node> [condition]  set a breakpoint                d <node>  remove it
  i <port> <JSON>  edit an input                        g <port> <JSON>  give an output instead of running
  p  inputs and configuration in full                   w  who stands at the gate
  q  end the run""",
    zh="""\
  n  单步跳过              s  单步进入              o  单步跳出
  c  继续                  r <节点>  运行到节点     a  重试失败的节点
  b <节点> [条件]  设置断点                         d <节点>  删除断点
  i <端口> <JSON>  修改输入                         g <端口> <JSON>  直接给出输出，不运行节点
  p  显示完整的输入和配置                           w  列出停在断点处的节点
  q  结束运行""",
)
_STOPPED = Text(en="{reason} before {where}", zh="{reason}，位于 {where} 之前")
_FAILED = Text(en="{where} failed: {message}", zh="{where} 失败：{message}")
_UNKNOWN = Text(en="Unknown: {word}. Type h for help.", zh="未知命令：{word}。输入 h 查看帮助。")
_NO_JSON = Text(en="This is not JSON: {value}", zh="这不是 JSON：{value}")
_REASONS: Mapping[str, Text] = {
    "breakpoint": Text(en="Breakpoint", zh="断点"),
    "error": Text(en="Error", zh="错误"),
    "run_to": Text(en="Arrived", zh="已到达"),
    "entry": Text(en="Beginning", zh="开始"),
    "pause": Text(en="Paused", zh="已暂停"),
    "step": Text(en="Step", zh="单步"),
    "waiting": Text(en="Waiting", zh="等待中"),
}
_PROMPT = "debug> "
_MOVES: Mapping[str, str] = {
    "n": "step_over",
    "s": "step_into",
    "o": "step_out",
    "c": "continue_",
    "a": "again",
}

ReadLine = Callable[[], Awaitable[str]]


async def read_line() -> str:
    """One line from the person; the end of input ends the run."""
    print(_PROMPT, end="", file=sys.stderr, flush=True)
    return await asyncio.to_thread(sys.stdin.readline) or "q\n"


class Terminal:
    """A person who debugs one run; ``ask`` brings lines, words go to ``out``."""

    def __init__(self, debugger: Debugger, *, ask: ReadLine = read_line, out: TextIO | None = None) -> None:
        self._debugger = debugger
        self._ask = ask
        self._out = out or sys.stderr

    async def drive(self, inputs: Mapping[str, Json], breakpoints: Sequence[str] = ()) -> RunResult:
        """From the first node (or the first breakpoint, when some are given) to the end of the run."""
        for node_id in breakpoints:
            self._debugger.node(node_id).set_breakpoint()
        stop = await self._debugger.start(inputs, pause_at_start=not breakpoints)
        while stop is not None:
            self._show(stop)
            stop = await self._move(stop)
        assert self._debugger.result is not None
        return self._debugger.result

    async def _move(self, stop: StoppedAt) -> StoppedAt | None:
        """Ask until a command moves the run (or shows the stop anew)."""
        while True:
            word, *rest = _words(await self._ask())
            try:
                if word in _MOVES:
                    return await self._step(_MOVES[word])
                if word == "r" and rest:
                    return await self._debugger.run_to(rest[0])
                if word == "g" and len(rest) > 1:
                    return await self._debugger.set_outputs({rest[0]: _value(rest)})
                if word == "q":
                    await self._debugger.stop()
                    return None
                if word == "i" and len(rest) > 1:
                    self._debugger.set_inputs({rest[0]: _value(rest)})
                    return self._debugger.stopped_at
                self._look(word, rest, stop)
            except json.JSONDecodeError as error:
                say(_NO_JSON, self._out, value=one_line(error.doc, 60))
            except SageError as error:
                say_error(error)

    async def _step(self, name: str) -> StoppedAt | None:
        move: Callable[[], Awaitable[StoppedAt | None]] = getattr(self._debugger, name)
        return await move()

    def _look(self, word: str, rest: Sequence[str], stop: StoppedAt) -> None:
        """Commands that leave the run where it is."""
        if word == "b" and rest:
            self._debugger.node(rest[0]).set_breakpoint(condition=" ".join(rest[1:]))
        elif word == "d" and rest:
            self._debugger.node(rest[0]).clear_breakpoint()
        elif word == "p":
            shown = {"inputs": stop.inputs, "config": stop.config}
            print(json.dumps(shown, ensure_ascii=False, indent=2, default=str), file=self._out)
        elif word == "w":
            for standing in self._debugger.standing:
                print(f"  {_where(standing)}  {_REASONS[standing.reason][language()]}", file=self._out)
        elif word in {"h", ""}:
            say(_HELP, self._out)
        else:
            say(_UNKNOWN, self._out, word=word)

    def _show(self, stop: StoppedAt) -> None:
        where = coloured(_where(stop), "bold", self._out)
        if stop.error is not None:
            say(_FAILED, self._out, where=where, message=stop.error["message"])
        else:
            say(_STOPPED, self._out, reason=_REASONS[stop.reason][language()], where=where)
        for name, value in stop.inputs.items():
            text = json.dumps(value, ensure_ascii=False, default=str)
            print(f"  {coloured(name, 'grey', self._out)} = {one_line(text, 160)}", file=self._out)
        if stop.note:
            print(f"  ! {stop.note}", file=self._out)


def _where(stop: StoppedAt) -> str:
    return f"{stop.node_id} ({stop.iteration_path})" if stop.iteration_path else stop.node_id


def _words(line: str) -> list[str]:
    """The line's words; JSON behind the second word stays as it was typed."""
    parts = line.strip().split(maxsplit=2)
    if parts and parts[0] not in {"i", "g"}:
        try:
            parts = shlex.split(line)
        except ValueError:
            parts = line.split()
    return parts or [""]


def _value(words: Sequence[str]) -> Any:
    return json.loads(words[1])
