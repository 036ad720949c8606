"""The other side of ``process``: reads one document within limits and says what it found.

Started as ``python -m`` with the number of the open file that is to hold the document. When one line of JSON
comes on standard input, ``{task, cpu_s, memory_bytes, …}``, it does. Answers lines of JSON on standard
output: parts, as the task gives them, and at last ``{"end": {…}}`` or ``{"error": reason}``.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any, TypeAlias

from sage_studio.plugins.support.reading.limits import Unreadable

Task: TypeAlias = Callable[[IO[bytes], dict[str, Any]], Iterator[dict[str, Any]]]

# Which module reads what: ``read_<task>`` there.
_MODULES = {
    "pdf": "pdf",
    "render": "pdf",
    "tables": "tables",
    "images": "images",
    "docx": "office",
    "xlsx": "sheets",
    "html": "page",
}


def limit(cpu_s: int, memory_bytes: int) -> None:
    """Hold this process to them, and to no core file."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _say(part: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(part, ensure_ascii=True, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def main() -> None:
    line = sys.stdin.buffer.readline()
    if not line:
        return  # nobody asks any more
    request = json.loads(line)
    name = request["task"]
    module = importlib.import_module(f"sage_studio.plugins.support.reading.{_MODULES[name]}")
    task: Task = getattr(module, f"read_{name}")
    limit(int(request["cpu_s"]), int(request["memory_bytes"]))
    with os.fdopen(int(sys.argv[1]), "rb") as document:
        document.seek(0)
        try:
            for part in task(document, request):
                _say(part)
        except MemoryError:
            _say({"error": "heavy"})
        except RecursionError:
            _say({"error": "deep"})
        except Unreadable as error:
            _say({"error": str(error)})


if __name__ == "__main__":
    main()
