"""A room's copy of the document, and the rules an update must pass before it may change it."""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterable
from enum import Enum, auto

from apps.collaboration.documents.library import ROOTS, LiveDoc, merge
from apps.collaboration.rooms.ports import Loaded, Row
from apps.collaboration.wire.scan import Scan, scan_update

_MEASURE_EVERY_BYTES = 256 * 1024
_FOUR_BYTES = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


class Verdict(Enum):
    """What the rules say of a scanned update."""

    FINE = auto()
    GAP = auto()
    """It builds on changes that are not here. The library and browsers treat gaps differently,
    so such an update is refused and the client asked for everything."""
    FOREIGN = auto()
    """It brings new changes under a client id that belongs to somebody else."""
    TOO_DEEP = auto()
    SPLIT = auto()
    """It parts a character beyond U+FFFF between its two UTF-16 halves. Browsers put replacement
    characters there; the library would lose a clock and hand everybody a broken document."""


class Replica:
    """The document in memory with what the rules need: clocks, owners of client ids, depth."""

    def __init__(self, loaded: Loaded, *, max_depth: int) -> None:
        self.epoch = loaded.epoch
        self.seq = loaded.seq
        self.server_client_id = loaded.server_client_id
        self._doc = LiveDoc(loaded.updates)
        self._clocks = self._doc.clocks()
        self._owners = dict(loaded.owners)
        self._size_bytes = sum(map(len, loaded.updates))
        self._measured_bytes = 0
        self._pairs: set[tuple[int, int]] = set()
        self._learn_pairs(loaded.updates)
        self._max_depth = max_depth
        self._depth = max_depth
        """An upper bound; starts as unknown and is measured when an update first needs it."""

    def judge(self, scan: Scan, person_id: uuid.UUID) -> Verdict:
        ends: dict[int, int] = {}
        for client, ranges in scan.brings.items():
            known = self._clocks.get(client, 0)
            end = known
            for first, last in sorted(ranges):
                if first > end:
                    return Verdict.GAP
                end = max(end, last)
            ends[client] = end
            if end > known and self._owners.get(client, person_id) != person_id:
                return Verdict.FOREIGN
        for client, end in scan.needs.items():
            if end > max(self._clocks.get(client, 0), ends.get(client, 0)):
                return Verdict.GAP
        pairs = self._pairs | scan.pairs if scan.pairs else self._pairs
        if pairs and not pairs.isdisjoint(scan.cuts):
            return Verdict.SPLIT
        if (scan.hanging_depth or scan.rooted_depth) and not self._depth_allows(scan):
            return Verdict.TOO_DEEP
        return Verdict.FINE

    def _depth_allows(self, scan: Scan) -> bool:
        """Whether shared types stay within the depth at which the library is safe."""
        if scan.rooted_depth > self._max_depth:
            return False
        if not scan.hanging_depth:
            return True
        if self._depth + scan.hanging_depth > self._max_depth:
            self._depth = self._doc.depth(limit=self._max_depth)
        self._depth += scan.hanging_depth
        return self._depth <= self._max_depth

    def size_with(self, update: bytes, *, limit: int, spare: int) -> int:
        """About how large the document would be: counted up from what was applied, which is never less
        than it really is. Measured only beyond ``limit``, and there not for each of the small changes that
        ``spare`` still has room for: a full document takes a tenth of a second."""
        since = self._size_bytes - self._measured_bytes
        if self._size_bytes + len(update) > limit and since >= (_MEASURE_EVERY_BYTES if spare else 1):
            self._size_bytes = self._measured_bytes = len(self._doc.encode())
        return self._size_bytes + len(update)

    def apply(self, update: bytes, scan: Scan, person_id: uuid.UUID) -> tuple[bytes, dict[int, uuid.UUID]]:
        """Merge an update that was judged FINE: (what was new in it, newly bound client ids).

        Raises UpdateRejectedError or DocumentBrokenError (``documents.library``).
        """
        news = self._doc.apply(update)
        self._size_bytes += len(news)
        self._pairs |= scan.pairs
        bound: dict[int, uuid.UUID] = {}
        for client, ranges in scan.brings.items():
            end = max((last for _, last in ranges), default=0)
            if end > self._clocks.get(client, 0):
                self._clocks[client] = end
                if client not in self._owners:
                    self._owners[client] = bound[client] = person_id
        return news, bound

    def catch_up(self, rows: Iterable[Row]) -> bytes:
        """Apply rows that other writers put into the journal; returns what was new, merged."""
        news = []
        for row in rows:
            if row.seq > self.seq:
                news.append(self._doc.apply(row.body))
                self._size_bytes += len(row.body)
                self._learn_pairs([row.body])
                self.seq = row.seq
        news = [update for update in news if update]
        if not news:
            return b""
        self._clocks = self._doc.clocks()
        self._depth = self._max_depth
        return merge(news)

    def _learn_pairs(self, updates: Iterable[bytes]) -> None:
        """Find characters beyond U+FFFF in bytes of the journal; most have none and cost a search."""
        for update in updates:
            if _FOUR_BYTES.search(update):
                self._pairs |= scan_update(update, roots=ROOTS, max_structs=sys.maxsize).pairs

    def belongs_to_another(self, client_id: int, person_id: uuid.UUID) -> bool:
        return self._owners.get(client_id, person_id) != person_id

    def contains(self, update: bytes, scan: Scan) -> bool:
        """Whether ``update`` would change nothing. Deletions cost a trial on a copy."""
        for client, ranges in scan.brings.items():
            if max((last for _, last in ranges), default=0) > self._clocks.get(client, 0):
                return False
        if not scan.deletions:
            return True
        return not LiveDoc([self._doc.encode()]).apply(update)

    def encode(self, state_vector: bytes | None = None) -> bytes:
        return self._doc.encode(state_vector)

    def state_vector(self) -> bytes:
        return self._doc.state_vector()
