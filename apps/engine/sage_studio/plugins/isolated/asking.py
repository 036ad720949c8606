"""Asking a plug-in one thing: what it holds, or a node's configuration brought up to date.

Each question has a confined process of its own, bounded in time and in what it may answer. These functions
block; they are for threads.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from sage_studio.kernel import Json, JsonObject, SageError
from sage_studio.plugins.isolated.confining import start_asking
from sage_studio.plugins.isolated.errors import NOT_DESCRIBED, TOO_MUCH, TOO_SLOW
from sage_studio.plugins.manager import Plugin
from sage_studio.sandbox.isolation import end_group

ANSWER_TIMEOUT_S = 60.0
MAX_ANSWER_BYTES = 1 << 20
_REASON_LENGTH = 500


def describe(folder: Path) -> Plugin:
    """What the plug-in in a folder says of itself. Raises SageError ``plugin.*``."""
    answer = _ask(folder, "--describe", b"")
    shape: Any = answer.get("plugin")
    if not isinstance(shape, dict):
        raise SageError(NOT_DESCRIBED, {"reason": "it does not describe itself"})
    return Plugin.from_json(shape)


def upgrade(folder: Path, *, type_id: str, version: str, config: JsonObject, from_version: str) -> JsonObject:
    """A node's configuration brought up to ``version`` by the plug-in's own code. Raises SageError
    ``plugin.*``."""
    request: JsonObject = {
        "type": type_id,
        "version": version,
        "config": config,
        "from_version": from_version,
    }
    given: Json = _ask(folder, "--upgrade", json.dumps(request).encode()).get("config")
    if not isinstance(given, dict):
        raise SageError(NOT_DESCRIBED, {"reason": "“upgrade” gave no configuration"})
    return given


def _ask(folder: Path, what: str, request: bytes) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
        process = start_asking(folder, what, output, words)
        try:
            process.communicate(request, timeout=ANSWER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise SageError(TOO_SLOW, {"limit_s": round(ANSWER_TIMEOUT_S)}) from None
        finally:
            end_group(process.pid)
            process.wait()
        return _read(output, words)


def _read(output: IO[bytes], words: IO[bytes]) -> dict[str, Any]:
    output.seek(0)
    text = output.read(MAX_ANSWER_BYTES + 1)
    if len(text) > MAX_ANSWER_BYTES:
        raise SageError(TOO_MUCH, {"limit_kb": MAX_ANSWER_BYTES >> 10})
    try:
        answer = json.loads(text)
        if "error" not in answer:
            return dict(answer)
        reason = str(answer["error"]["en"])
    except (ValueError, TypeError, KeyError, RecursionError):
        reason = _last_line(words)
    raise SageError(NOT_DESCRIBED, {"reason": reason[:_REASON_LENGTH]})


def _last_line(words: IO[bytes]) -> str:
    words.seek(0, 2)
    words.seek(max(0, words.tell() - 4_000))
    lines = words.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"
