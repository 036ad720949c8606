"""The words after ``sage-studio plugin``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from sage_studio.cli.plugin import looking, making, testing
from sage_studio.cli.terminal import language
from sage_studio.kernel import Text

Action = Callable[[argparse.Namespace], int]

_ABOUT: dict[str, Text] = {
    "new": Text(en="make a plug-in that works, with tests", zh="创建一个可运行且带测试的插件"),
    "test": Text(en="hold its nodes to what every node must do", zh="检查其节点是否符合规范"),
    "dev": Text(en="run the examples at every save", zh="每次保存后运行示例"),
    "list": Text(en="list the installed plug-ins", zh="列出已安装的插件"),
    "check": Text(en="say what keeps it from being installed here", zh="说明在此处安装的冲突"),
    "describe": Text(en="show its manifest", zh="显示插件清单"),
    "pack": Text(en="put it into one file for uploading", zh="打包为一个可上传的文件"),
}


def command(arguments: Sequence[str]) -> int:
    """Make, test and look at plug-ins."""
    chosen = _parser().parse_args(arguments)
    action: Action = chosen.action
    return action(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sage-studio plugin", description=command.__doc__)
    words = parser.add_subparsers(required=True, metavar="|".join(_ABOUT))
    tongue = language()

    def word(name: str, action: Action, *, path: bool = True) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=_ABOUT[name][tongue], description=_ABOUT[name][tongue])
        made.set_defaults(action=action)
        if path:
            made.add_argument(
                "path", type=Path, nargs="?", default=Path(), help="folder, .zip, .whl or .yaml"
            )
        return made

    new = word("new", making.new, path=False)
    new.add_argument("name", help="its name, like acme_weather")
    new.add_argument("--kind", choices=making.KINDS, default="python")
    new.add_argument("--into", type=Path, default=Path(), help="where its folder is made")
    test = word("test", testing.test)
    test.add_argument("--strict", action="store_true", help="warnings count as errors")
    test.add_argument("--show", action="store_true", help="print what the examples give")
    word("dev", testing.dev)
    listed = word("list", looking.show_installed, path=False)
    listed.add_argument("--json", action="store_true")
    word("check", looking.check)
    described = word("describe", looking.describe)
    described.add_argument("--json", action="store_true")
    packed = word("pack", making.pack_folder)
    packed.add_argument("-o", "--output", type=Path, help="the file to write")
    return parser
