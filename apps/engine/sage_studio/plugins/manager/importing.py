"""Importing what a plug-in names, and making nodes of what is found there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from sage_studio.kernel import SageError
from sage_studio.plugins.manager.errors import NOT_LOADED
from sage_studio.sdk import Node, NodePlugin, NodeSpec, as_node
from sage_studio.sdk.plugin import PluginSpec

_REASON_LENGTH = 500


def import_from(paths: Iterable[Path], place: str) -> Any:
    """What ``package.module:name`` (or the module itself) is, with ``paths`` searched before all others.

    Raises SageError ``plugin.not_loaded``; also when a module of that name came from elsewhere already.
    """
    module, _, name = place.partition(":")
    folders = [str(path) for path in paths]
    sys.path[:0] = [folder for folder in folders if folder not in sys.path]
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module)
        for part in name.split(".") if name else ():
            found = getattr(found, part)
    except Exception as error:  # an import runs the module, which may fail in any way
        reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
        raise SageError(NOT_LOADED, {"place": place, "reason": reason}) from error
    return found


def found_in(entry: Any) -> list[Any]:
    """The plug-in's description and node classes in what an entry point names."""
    if isinstance(entry, ModuleType):
        named = getattr(entry, "plugin", None)
        own = [held for held in vars(entry).values() if _is_node_of(held, entry.__name__)]
        return [named] if isinstance(named, PluginSpec) else own
    return list(entry) if isinstance(entry, (list, tuple)) else [entry]


def made_nodes(
    classes: Iterable[Any], place: str, *, spec: NodeSpec | None = None
) -> list[tuple[type[Node], str]]:
    """Node classes of either face, each with where it was found; ``spec`` takes the place of their own.

    Raises SageError ``plugin.not_loaded`` for anything else.
    """
    return [(_made(held, place, spec), f"{held.__module__}:{held.__qualname__}") for held in classes]


def _made(held: Any, place: str, spec: NodeSpec | None) -> type[Node]:
    if isinstance(held, type) and issubclass(held, NodePlugin):
        return as_node(held, spec)
    if isinstance(held, type) and issubclass(held, Node):
        if spec is None and isinstance(getattr(held, "spec", None), NodeSpec):
            return held
        if spec is not None:
            return _with_spec(held, spec)
    reason = f"{getattr(held, '__qualname__', held)!r:.100} is no node with a spec"
    raise SageError(NOT_LOADED, {"place": place, "reason": reason})


def _with_spec(node: type[Node], described: NodeSpec) -> type[Node]:
    class Described(node):  # type: ignore[valid-type, misc]
        __doc__ = node.__doc__
        spec: ClassVar[NodeSpec] = described

    Described.__name__ = node.__name__
    return Described


def _is_node_of(held: Any, module: str) -> bool:
    is_node = isinstance(held, type) and issubclass(held, (Node, NodePlugin))
    return is_node and held.__module__ == module
