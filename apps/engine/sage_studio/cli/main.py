"""Finds the command that was asked for and calls it; loads no other."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points, version

from sage_studio.cli import exit_codes
from sage_studio.cli.terminal import language, say_error
from sage_studio.kernel import SageError, Text

Command = Callable[[Sequence[str]], int]

GROUP = "sage_studio.commands"

_OWN: Mapping[str, tuple[str, Text]] = {
    "run": ("sage_studio.cli.run", Text(en="run a flow here and now", zh="在本机直接运行流程")),
    "validate": (
        "sage_studio.cli.validate",
        Text(en="check flows and name every fault", zh="检查流程并指出所有问题"),
    ),
    "optimise": (
        "sage_studio.cli.optimise",
        Text(en="say what the optimiser does to a flow", zh="说明优化器对流程所做的改动"),
    ),
    "nodes": ("sage_studio.cli.nodes", Text(en="list the node types", zh="列出节点类型")),
    "plugin": (
        "sage_studio.cli.plugin",
        Text(en="make, test and look at plug-ins", zh="创建、测试和查看插件"),
    ),
}
_USAGE = Text(
    en="Usage: sage-studio <command> [options]\n\nCommands:",
    zh="用法：sage-studio <命令> [选项]\n\n命令：",
)
_MORE = Text(
    en="\n“sage-studio <command> --help” explains each.", zh="\n使用 “sage-studio <命令> --help” 查看说明。"
)
_UNKNOWN = Text(en="There is no command “{name}”.", zh="没有命令 “{name}”。")


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script. Answers the exit code (``cli.exit_codes``)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_help())
        return exit_codes.OK if given else exit_codes.USAGE
    if given[0] in ("-V", "--version"):
        print(f"sage-studio {version('sage-studio')}")
        return exit_codes.OK
    command = _find(given[0])
    if command is None:
        print(_UNKNOWN[language()].format(name=given[0]), file=sys.stderr)
        print(_help(), file=sys.stderr)
        return exit_codes.USAGE
    return _call(command, given[1:])


def _call(command: Command, arguments: Sequence[str]) -> int:
    try:
        return command(arguments)
    except SageError as error:
        say_error(error)
        return exit_codes.FAILED
    except KeyboardInterrupt:
        return exit_codes.CANCELLED
    except BrokenPipeError:
        # The reader (``| head``) has seen enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK


def _find(name: str) -> Command | None:
    if name in _OWN:
        module = importlib.import_module(_OWN[name][0])
        command: Command = module.command
        return command
    joined = _joined().get(name)
    return None if joined is None else joined.load()


def _joined() -> dict[str, EntryPoint]:
    """Commands other installed packages bring, by word."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _help() -> str:
    tongue = language()
    words = {name: about[tongue] for name, (_, about) in _OWN.items()}
    words |= {name: "" for name in sorted(_joined()) if name not in words}
    width = max(map(len, words))
    lines = [f"  {name:<{width}}  {about}".rstrip() for name, about in words.items()]
    return "\n".join([_USAGE[tongue], *lines, _MORE[tongue]])
