"""``plugin new`` and ``plugin pack``."""

from __future__ import annotations

import argparse
import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from sage_studio.cli import exit_codes
from sage_studio.cli.terminal import say
from sage_studio.kernel import Text
from sage_studio.plugins.manager import load_folder, pack

KINDS = ("python", "folder", "yaml")
_BAD_NAME = Text(
    en="“{name}” is no name for a plug-in: small letters, digits and _, beginning with a letter.",
    zh="“{name}”不能作为插件名称：只能使用小写字母、数字和下划线，且以字母开头。",
)
_THERE = Text(en="{path} is there already.", zh="{path} 已存在。")
_MADE = Text(
    en="Made {path}. Next:\n  sage-studio plugin test {path}\n  sage-studio plugin dev {path}",
    zh="已创建 {path}。接下来：\n  sage-studio plugin test {path}\n  sage-studio plugin dev {path}",
)
_PACKED = Text(en="Wrote {path}.", zh="已写入 {path}。")


def new(chosen: argparse.Namespace) -> int:
    """Make the folder of a plug-in that works as it is."""
    name = chosen.name.replace("-", "_")
    target = chosen.into / name
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        say(_BAD_NAME, sys.stderr, name=chosen.name)
        return exit_codes.USAGE
    if target.exists():
        say(_THERE, sys.stderr, path=target)
        return exit_codes.USAGE
    words = {"name": name, "dashed": name.replace("_", "-"), "title": name.replace("_", " ").capitalize(),
             "class_name": "".join(part.capitalize() for part in name.split("_"))}  # fmt: skip
    _write(files("sage_studio.cli") / "scaffold" / chosen.kind, target, words)
    say(_MADE, path=target)
    return exit_codes.OK


def _write(source: Traversable, target: Path, words: dict[str, str]) -> None:
    """Copy a template: ``__name__`` in file names and ``$name`` in texts are filled in."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        name = entry.name.replace("__name__", words["name"])
        if entry.is_dir():
            _write(entry, target / name, words)
        else:
            content = Template(entry.read_text("utf-8")).substitute(words)
            (target / name.removesuffix(".tmpl")).write_text(content, "utf-8")


def pack_folder(chosen: argparse.Namespace) -> int:
    """Write one file that “Install” in the product takes; it must load first."""
    folder = chosen.path.absolute()
    plugin = load_folder(folder).plugin
    target = chosen.output or Path(f"{plugin.id}-{plugin.version}.zip")
    target.write_bytes(pack(folder))
    say(_PACKED, path=target)
    return exit_codes.OK
