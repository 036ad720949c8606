"""``plugin list``, ``check`` and ``describe``."""

from __future__ import annotations

import argparse
import json
import sys

from sage_studio.cli import exit_codes
from sage_studio.cli.terminal import coloured, language, say
from sage_studio.kernel import SageError, Text
from sage_studio.plugins.manager import Conflict, Plugin, check_requirements, load_folder
from sage_studio.plugins.manager.installed import load_installed, opened
from sage_studio.plugins.manager.manifest import Loaded

_NONE = Text(en="No plug-in is installed as a package.", zh="没有以软件包形式安装的插件。")
_FITS = Text(en="{id} {version} can be installed here.", zh="{id} {version} 可以在此处安装。")
_NODES = Text(en="Nodes", zh="节点")
_ALLOWED = Text(en="Wants to be allowed", zh="所需权限")
_HOSTS = Text(en="requests to {hosts}", zh="访问 {hosts}")
_FILES = Text(en="files: {files}", zh="文件：{files}")
_SECRETS = Text(en="secrets of {kinds}", zh="读取密钥：{kinds}")
_CODE = Text(en="runs its own code", zh="运行自带代码")
_NOTHING = Text(en="nothing", zh="无")


def show_installed(chosen: argparse.Namespace) -> int:
    """The plug-ins of this interpreter's packages, with what is wrong with any of them."""
    found = list(load_installed())
    good = {held.plugin.id: held.plugin for _facts, held in found if isinstance(held, Loaded)}
    if chosen.json:
        shapes = [plugin.to_json() for plugin in good.values()]
        print(json.dumps(shapes, ensure_ascii=False, indent=2))
        return exit_codes.OK
    if not found:
        say(_NONE)
    tongue = language()
    for facts, held in found:
        if isinstance(held, SageError):
            print(f"{coloured('✗', 'red', sys.stdout)} {facts.name} {facts.version}: {held.message(tongue)}")
            continue
        plugin = held.plugin
        nodes = ", ".join(node.spec.id for node in plugin.nodes)
        print(f"{plugin.id} {plugin.version}  {plugin.name[tongue]}: {nodes}")
        _print_conflicts(check_requirements(plugin, plugins=good))
    return exit_codes.OK


def check(chosen: argparse.Namespace) -> int:
    """Whether a plug-in fits beside what is installed."""
    with opened(chosen.path) as folder:
        plugin = load_folder(folder).plugin
    beside = {held.plugin.id: held.plugin for _facts, held in load_installed() if isinstance(held, Loaded)}
    conflicts = check_requirements(plugin, plugins=beside)
    if not conflicts:
        say(_FITS, id=plugin.id, version=plugin.version)
        return exit_codes.OK
    _print_conflicts(conflicts)
    return exit_codes.FAILED


def describe(chosen: argparse.Namespace) -> int:
    """A plug-in's manifest, for people or as JSON."""
    with opened(chosen.path) as folder:
        plugin = load_folder(folder).plugin
    if chosen.json:
        print(json.dumps(plugin.to_json(), ensure_ascii=False, indent=2))
    else:
        print(described(plugin))
    return exit_codes.OK


def described(plugin: Plugin) -> str:
    """A manifest in a few lines."""
    tongue = language()
    head = f"{coloured(plugin.id, 'bold', sys.stdout)} {plugin.version}: {plugin.name[tongue]}"
    lines = [head, plugin.description[tongue], f"{_NODES[tongue]}:"]
    lines += [f"  {node.spec.id} {node.spec.version}: {node.spec.name[tongue]}" for node in plugin.nodes]
    lines += [f"{_ALLOWED[tongue]}:", *(f"  {wish}" for wish in _wishes(plugin))]
    return "\n".join(line for line in lines if line)


def _wishes(plugin: Plugin) -> list[str]:
    tongue, wants = language(), plugin.permissions
    wishes = []
    if wants.hosts:
        wishes.append(_HOSTS[tongue].format(hosts=", ".join(wants.hosts)))
    if wants.files != "none":
        wishes.append(_FILES[tongue].format(files=wants.files))
    if wants.secrets:
        wishes.append(_SECRETS[tongue].format(kinds=", ".join(wants.secrets)))
    if wants.code:
        wishes.append(_CODE[tongue])
    return wishes or [_NOTHING[tongue]]


def _print_conflicts(conflicts: list[Conflict]) -> None:
    for conflict in conflicts:
        print(f"  {coloured('✗', 'red', sys.stdout)} {conflict.message[language()]}")
