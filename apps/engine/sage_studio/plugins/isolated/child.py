"""The program inside the confinement: ``python -m sage_studio.plugins.isolated.child FOLDER …``.

    --describe    write what the plug-in holds as one line of JSON, and end
    --upgrade     read ``{type, version, config, from_version}``, write the configuration brought up to date
    --fd N        run its nodes over the inherited socket N, one call after another

This is the only program of the product that imports a plug-in which a workspace has installed. What the
plug-in prints of its own accord does not mix with the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sage_studio.engine.executors.away import RemoteContext, perform_as
from sage_studio.engine.executors.errors import NODE_MISSING
from sage_studio.engine.executors.node_process import NodeProcess
from sage_studio.kernel import Json, JsonObject, SageError
from sage_studio.plugins.isolated.child_streams import perform_streaming
from sage_studio.plugins.isolated.streaming import does_stream
from sage_studio.plugins.manager import Loaded, load_folder
from sage_studio.sdk import Node

# Where a package's own wheels are unpacked, inside its folder.
VENDORED = "vendored"
MAX_REQUEST_BYTES = 4 << 20
_REASON_LENGTH = 500
_Nodes = Mapping[tuple[str, str], type[Node]]


class PluginProcess(NodeProcess):
    """Runs the nodes of one plug-in, and no others."""

    def __init__(self, connection: socket.socket, nodes: _Nodes) -> None:
        super().__init__(connection)
        self._nodes = nodes

    async def perform(self, call: Mapping[str, Any], context: RemoteContext) -> dict[str, Any]:
        node = _node(self._nodes, str(call["type"]), str(call["version"]))
        if does_stream(node.spec):
            return await perform_streaming(node, call, context, self._talk.ask)
        return await perform_as(node, call, context)


def _node(nodes: _Nodes, type_: str, version: str) -> type[Node]:
    """Raises SageError ``executor.node_missing``."""
    found = nodes.get((type_, version))
    if found is None:
        raise SageError(NODE_MISSING, {"type": type_, "version": version, "reason": "the plug-in lacks it"})
    return found


def _nodes_of(loaded: Loaded) -> _Nodes:
    return {(node.spec.id, node.spec.version): node for node in loaded.nodes}


def _upgraded(loaded: Loaded, request: Mapping[str, Any]) -> Json:
    node = _node(_nodes_of(loaded), str(request["type"]), str(request["version"]))
    return node.upgrade(dict(request["config"]), str(request["from_version"]))


def _answer(folder: Path, *, is_upgrade: bool) -> JsonObject:
    """What there is to say, or why not."""
    try:
        loaded = load_folder(folder)
        if is_upgrade:
            return {"config": _upgraded(loaded, json.loads(sys.stdin.buffer.read(MAX_REQUEST_BYTES)))}
        return {"plugin": loaded.plugin.to_json()}
    except SageError as error:
        return {"error": {"en": error.message("en"), "zh": error.message("zh")}}
    except Exception as error:  # noqa: BLE001 - the edge to the plug-in's own code, which may fail in any way
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
        return {"error": {"en": reason, "zh": reason}}


def _answer_aside(folder: Path, *, is_upgrade: bool) -> None:
    """Answer on the output this program was started with; what the plug-in prints meanwhile goes to the
    error output."""
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        answer = json.dumps(_answer(folder, is_upgrade=is_upgrade), ensure_ascii=False)
        output.write(answer.encode("utf-8", "replace"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the code of a plug-in.")
    parser.add_argument("folder", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--describe", action="store_true")
    what.add_argument("--upgrade", action="store_true")
    what.add_argument("--fd", type=int)
    given = parser.parse_args(arguments)
    sys.path.insert(0, str(given.folder / VENDORED))
    if given.fd is None:
        _answer_aside(given.folder, is_upgrade=given.upgrade)
        return 0
    nodes = _nodes_of(load_folder(given.folder))
    with asyncio.Runner() as runner:
        runner.run(PluginProcess(socket.socket(fileno=given.fd), nodes).work())
    return 0


if __name__ == "__main__":
    sys.exit(main())
