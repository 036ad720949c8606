"""Whether what a plug-in needs is here, and what would clash: asked before anything is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sage_studio.kernel import Text
from sage_studio.plugins.manager.manifest import Plugin

PRODUCT = "sage-studio"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that keeps a plug-in from working. ``name`` is the package, plug-in or node it is about."""

    name: str
    message: Text


def check_requirements(
    plugin: Plugin,
    *,
    python: Mapping[str, str] | None = None,
    plugins: Mapping[str, Plugin] | None = None,
    product: str | None = None,
) -> list[Conflict]:
    """Everything that keeps ``plugin`` from working beside ``plugins`` (by id; an older version of itself is
    replaced). ``python`` are installed packages with their versions and ``product`` the version of SAGE
    Studio: those of this interpreter, if they are left out."""
    beside = {name: other for name, other in (plugins or {}).items() if name != plugin.id}
    found = [_product(plugin, product or version(PRODUCT))]
    found += [_python(text, python) for text in plugin.requires.python]
    found += [_plugin(name, wanted, beside.get(name)) for name, wanted in plugin.requires.plugins.items()]
    found += [_needed_by(other, plugin) for other in beside.values()]
    return [conflict for conflict in found if conflict is not None] + _taken_nodes(plugin, beside)


def _product(plugin: Plugin, installed: str) -> Conflict | None:
    wanted = plugin.requires.product
    if not wanted or _meets(installed, wanted):
        return None
    return Conflict(
        PRODUCT,
        Text(
            en=f"It needs SAGE Studio {wanted}; this is {installed}.",
            zh=f"该插件需要 SAGE Studio {wanted}，当前版本为 {installed}。",
        ),
    )


def _python(text: str, python: Mapping[str, str] | None) -> Conflict | None:
    try:
        needed = Requirement(text)
    except InvalidRequirement:
        return Conflict(
            text, Text(en=f"“{text}” is no requirement of a package.", zh=f"“{text}”不是有效的依赖声明。")
        )
    if needed.marker is not None and not needed.marker.evaluate():
        return None
    installed = _installed(needed.name, python)
    if installed is None:
        missing = Text(en=f"The Python package {text} is not installed.", zh=f"未安装 Python 包 {text}。")
        return Conflict(needed.name, missing)
    if needed.specifier.contains(installed, prereleases=True):
        return None
    return Conflict(
        needed.name,
        Text(
            en=f"It needs the Python package {text}; installed is {installed}.",
            zh=f"该插件需要 Python 包 {text}，已安装的是 {installed}。",
        ),
    )


def _installed(name: str, python: Mapping[str, str] | None) -> str | None:
    if python is not None:
        return {canonicalize_name(other): held for other, held in python.items()}.get(canonicalize_name(name))
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _plugin(name: str, wanted: str, other: Plugin | None) -> Conflict | None:
    if other is None:
        missing = Text(
            en=f"It needs the plug-in {name} {wanted}, which is not installed.",
            zh=f"该插件需要插件 {name} {wanted}，但尚未安装。",
        )
        return Conflict(name, missing)
    if _meets(other.version, wanted):
        return None
    return Conflict(
        name,
        Text(
            en=f"It needs the plug-in {name} {wanted}; installed is {other.version}.",
            zh=f"该插件需要插件 {name} {wanted}，已安装的是 {other.version}。",
        ),
    )


def _needed_by(other: Plugin, plugin: Plugin) -> Conflict | None:
    """An update must not take away what another plug-in relies on."""
    wanted = other.requires.plugins.get(plugin.id)
    if wanted is None or _meets(plugin.version, wanted):
        return None
    return Conflict(
        other.id,
        Text(
            en=f"The plug-in {other.id} needs {plugin.id} {wanted}, and this is {plugin.version}.",
            zh=f"插件 {other.id} 需要 {plugin.id} {wanted}，而此版本为 {plugin.version}。",
        ),
    )


def _taken_nodes(plugin: Plugin, beside: Mapping[str, Plugin]) -> list[Conflict]:
    owners = {
        name: other.id
        for other in beside.values()
        for node in other.nodes
        for name in (node.spec.id, *node.spec.aliases)
    }
    return [
        Conflict(
            name,
            Text(
                en=f"The plug-in {owners[name]} has a node “{name}” already.",
                zh=f"插件 {owners[name]} 已提供节点“{name}”。",
            ),
        )
        for node in plugin.nodes
        for name in (node.spec.id, *node.spec.aliases)
        if name in owners
    ]


def _meets(installed: str, wanted: str) -> bool:
    try:
        return SpecifierSet(wanted).contains(Version(installed), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False
