"""A structural scan of CRDT updates (Yjs encoding V1) before the library may see them.

The library trusts lengths and recurses on nested values, so one hostile update could take the
process down. The scan reads every byte once, without recursion, checks each count against the
bytes that remain, bounds nesting, refuses content our schema never has, and reports what the
room's policy needs: which clocks the update brings and which it presupposes.

Format: https://github.com/yjs/yjs/blob/main/INTERNALS.md and lib0's ``any`` encoding.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from apps.collaboration.wire.varints import WireError, read_bytes, read_string, read_uint

MAX_DEPTH = 64
MAX_CLOCK = 2**31 - 1

_GC, _DELETED, _STRING, _FORMAT, _TYPE, _ANY, _SKIP = 0, 1, 4, 6, 7, 8, 10
_HAS_LEFT, _HAS_RIGHT, _HAS_KEY, _CONTENT = 0x80, 0x40, 0x20, 0x1F
_SHARED_ARRAY, _SHARED_MAP, _SHARED_TEXT = 0, 1, 2

_ANY_BYTES, _ANY_ARRAY, _ANY_OBJECT, _ANY_STRING = 116, 117, 118, 119
_ANY_FIXED = {120: 0, 121: 0, 122: 8, 123: 8, 124: 4, 126: 0, 127: 0}
_ANY_INTEGER = 125


@dataclass(slots=True)
class Scan:
    """What one update says about itself.

    ``brings``: client → list of (first clock, end clock) of structs in the update.
    ``needs``: client → highest end clock the update refers to (origins, parents, deletions).
    ``pairs``: ids of the second halves of characters beyond U+FFFF in shared texts (such a character
    counts two clocks). ``cuts``: ids before which the update parts a text.
    ``rooted_depth``: how deep shared types are stacked under a root within this update.
    ``hanging_depth``: the same under a parent that is not in this update (0: none).
    """

    brings: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    needs: dict[int, int] = field(default_factory=dict)
    pairs: set[tuple[int, int]] = field(default_factory=set)
    cuts: list[tuple[int, int]] = field(default_factory=list)
    structs: int = 0
    deletions: int = 0
    rooted_depth: int = 0
    hanging_depth: int = 0


def scan_update(data: bytes, *, roots: Collection[str], max_structs: int) -> Scan:
    """Check ``data`` as one V1 update for a document with the root maps ``roots``.

    Raises WireError with the broken rule.
    """
    scanner = _Scanner(data, frozenset(root.encode() for root in roots), max_structs)
    scanner.run()
    return scanner.scan


class _Scanner:
    """State of one pass: the bytes, the position, and the findings so far."""

    __slots__ = ("data", "max_structs", "pos", "roots", "scan", "types")

    def __init__(self, data: bytes, roots: frozenset[bytes], max_structs: int) -> None:
        self.data = data
        self.pos = 0
        self.roots = roots
        self.max_structs = max_structs
        self.scan = Scan()
        self.types: dict[tuple[int, int], tuple[int, bool]] = {}  # id → (depth, hangs on a root)

    def run(self) -> None:
        blocks = self._count(min_bytes=3)
        for _ in range(blocks):
            self._block()
        self._deletions()
        if self.pos != len(self.data):
            raise WireError("bytes after the end of the update")

    def _uint(self) -> int:
        value, self.pos = read_uint(self.data, self.pos)
        return value

    def _count(self, *, min_bytes: int) -> int:
        count = self._uint()
        if count * min_bytes > len(self.data) - self.pos:
            raise WireError("a count claims more than there are bytes")
        return count

    def _clock(self, *, extra: int = 0) -> int:
        clock = self._uint()
        if clock + extra > MAX_CLOCK:
            raise WireError("clock above 2^31-1")
        return clock

    def _block(self) -> None:
        """Consecutive structs of one client."""
        count = self._count(min_bytes=2)
        scan = self.scan
        scan.structs += count
        if scan.structs > self.max_structs:
            raise WireError(f"more than {self.max_structs} structs in one update")
        client = self._uint()
        clock = start = self._clock()
        ranges = scan.brings.setdefault(client, [])
        for _ in range(count):
            if self.pos >= len(self.data):
                raise WireError("update ends inside a block")
            info = self.data[self.pos]
            self.pos += 1
            length = self._clock() if info in (_GC, _SKIP) else self._item(info, client, clock)
            if length < 1 or clock + length > MAX_CLOCK:
                raise WireError("struct of impossible length")
            if info == _SKIP:
                if clock > start:
                    ranges.append((start, clock))
                start = clock + length
            clock += length
        if clock > start:
            ranges.append((start, clock))

    def _item(self, info: int, client: int, clock: int) -> int:
        """Origins, parent and content of one item; returns its length in clocks."""
        parent = (0, False)
        if info & _HAS_LEFT:
            self._reference(cut_after=1)
        if info & _HAS_RIGHT:
            self._reference(cut_after=0)
        if not info & (_HAS_LEFT | _HAS_RIGHT):
            parent = self._parent(has_key=bool(info & _HAS_KEY))
        kind = info & _CONTENT
        if kind == _TYPE:
            self._nested((client, clock), parent)
        if kind == _STRING:
            return self._string(client, clock)
        return self._content(kind)

    def _string(self, client: int, clock: int) -> int:
        """Text of a shared text; its length is counted in UTF-16 units."""
        text, self.pos = read_string(self.data, self.pos)
        if text.isascii():
            return len(text)
        length = 0
        for character in text:
            length += 1
            if character > "\uffff":
                self.scan.pairs.add((client, clock + length))
                length += 1
        return length

    def _nested(self, item: tuple[int, int], parent: tuple[int, bool]) -> None:
        depth, rooted = parent[0] + 1, parent[1]
        if depth > MAX_DEPTH:
            raise WireError(f"shared types nested deeper than {MAX_DEPTH}")
        self.types[item] = (depth, rooted)
        scan = self.scan
        if rooted:
            scan.rooted_depth = max(scan.rooted_depth, depth)
        else:
            scan.hanging_depth = max(scan.hanging_depth, depth)

    def _reference(self, *, cut_after: int) -> None:
        client = self._uint()
        end = self._clock() + 1
        self.scan.cuts.append((client, end - 1 + cut_after))
        needs = self.scan.needs
        if needs.get(client, 0) < end:
            needs[client] = end

    def _parent(self, *, has_key: bool) -> tuple[int, bool]:
        """Where the item lives: (depth of the parent, whether that counts from a root)."""
        by_name = self._uint()
        if by_name == 1:
            name, self.pos = read_bytes(self.data, self.pos)
            if name not in self.roots:
                raise WireError("unknown root name")
            if not has_key:
                raise WireError("roots are maps and take keyed values only")
            found = (0, True)
        elif by_name == 0:
            parent = (self._uint(), self._clock())
            needs = self.scan.needs
            needs[parent[0]] = max(needs.get(parent[0], 0), parent[1] + 1)
            found = self.types.get(parent, (0, False))
        else:
            raise WireError("unknown kind of parent")
        if has_key:
            _, self.pos = read_string(self.data, self.pos)
        return found

    def _content(self, kind: int) -> int:
        if kind == _ANY:
            count = self._count(min_bytes=1)
            for _ in range(count):
                self._any()
            return count
        if kind == _DELETED:
            return self._clock()
        if kind == _TYPE:
            if self._uint() not in (_SHARED_ARRAY, _SHARED_MAP, _SHARED_TEXT):
                raise WireError("shared type that flows never have")
            return 1
        if kind == _FORMAT:
            _, self.pos = read_string(self.data, self.pos)
            _, self.pos = read_string(self.data, self.pos)
            return 1
        raise WireError(f"content kind {kind} that flows never have")

    def _any(self) -> None:
        """One lib0 ``any`` value; open containers are kept on an explicit stack."""
        stack: list[list[int]] = []  # [values still to come, 1 for an object with keys]
        data = self.data
        size = len(data)
        while True:
            if self.pos >= size:
                raise WireError("value runs over the end")
            tag = data[self.pos]
            self.pos += 1
            if tag in (_ANY_ARRAY, _ANY_OBJECT):
                is_object = tag == _ANY_OBJECT
                stack.append([self._count(min_bytes=1 + is_object), is_object])
                if len(stack) > MAX_DEPTH:
                    raise WireError(f"values nested deeper than {MAX_DEPTH}")
            else:
                self._scalar(tag)
            while stack and stack[-1][0] == 0:
                stack.pop()
            if not stack:
                return
            top = stack[-1]
            top[0] -= 1
            if top[1]:
                _, self.pos = read_string(data, self.pos)

    def _scalar(self, tag: int) -> None:
        if tag == _ANY_STRING:
            _, self.pos = read_string(self.data, self.pos)
        elif tag == _ANY_INTEGER:
            self._signed()
        elif tag == _ANY_BYTES:
            _, self.pos = read_bytes(self.data, self.pos)
        elif tag in _ANY_FIXED:
            self.pos += _ANY_FIXED[tag]
            if self.pos > len(self.data):
                raise WireError("value runs over the end")
        else:
            raise WireError("unknown kind of value")

    def _signed(self) -> None:
        """A signed integer: six bits and a sign in the first byte, then seven bits a byte."""
        data, pos = self.data, self.pos
        for _ in range(8):
            if pos >= len(data):
                break
            byte = data[pos]
            pos += 1
            if byte < 0x80:
                self.pos = pos
                return
        raise WireError("signed integer too long or cut off")

    def _deletions(self) -> None:
        """The delete set: per client ranges of clocks, all of which must exist already."""
        needs = self.scan.needs
        for _ in range(self._count(min_bytes=2)):
            client = self._uint()
            ranges = self._count(min_bytes=2)
            self.scan.deletions += ranges
            highest = 0
            for _ in range(ranges):
                start = self._clock()
                end = start + self._clock(extra=start)
                self.scan.cuts += ((client, start), (client, end))
                highest = max(highest, end)
            if highest > needs.get(client, 0):
                needs[client] = highest
