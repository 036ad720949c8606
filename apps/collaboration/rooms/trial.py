"""Reads updates of a document that has killed its host, in a process that may die of them.

``python -m apps.collaboration.rooms.trial`` takes updates on standard input (each four bytes of length,
big-endian, and the bytes) and writes lines: ``ok <n>`` or ``no <n>`` for the n-th, then ``body <hex>``, the
content of all good ones as a document without history. Whoever sees it end early knows which one it was.
"""

from __future__ import annotations

import resource
import struct
import sys
import uuid

from apps.collaboration.documents.copying import fresh_copy
from apps.collaboration.documents.library import ROOTS, DocumentBrokenError, LiveDoc, UpdateRejectedError
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import Loaded
from apps.collaboration.rooms.replica import Replica, Verdict
from apps.collaboration.wire.scan import scan_update
from apps.collaboration.wire.varints import WireError

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
CPU_S = 120
NOBODY = uuid.UUID(int=0)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    replica = Replica(Loaded(1, 0, [], {}), max_depth=Limits().type_depth)
    number = 0
    while len(head := sys.stdin.buffer.read(4)) == 4:
        update = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
        _say(f"try {number}")
        _say(f"{'ok' if _taken(replica, update) else 'no'} {number}")
        number += 1
    copy = fresh_copy(LiveDoc([replica.encode()]), client_id=int(sys.argv[1]))
    copy.dump()
    _say(f"body {copy.encode().hex()}")
    return 0


def _taken(replica: Replica, update: bytes) -> bool:
    """Whether the update passes the rules of a room; one that builds on what was left out does not."""
    try:
        scan = scan_update(update, roots=ROOTS, max_structs=sys.maxsize)
        if replica.judge(scan, NOBODY) is not Verdict.FINE:
            return False
        replica.apply(update, scan, NOBODY)
        LiveDoc([replica.encode()]).dump()
    except (WireError, UpdateRejectedError, DocumentBrokenError, RecursionError, MemoryError):
        return False
    return True


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
