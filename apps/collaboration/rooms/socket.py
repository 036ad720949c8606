"""One connected client as its room sees it: identity, role, send queue, and traffic bounds."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apps.collaboration.rooms.limits import Limits
from apps.collaboration.wire import frames
from apps.common.rates import Bucket


class Close:
    """Close codes. Stock clients stop reconnecting on 44xx and come back on everything else."""

    MALFORMED = 4400
    SIGNED_OUT = 4401
    FORBIDDEN = 4403
    GONE = 4404
    STALE_EPOCH = 4409
    TOO_BIG = 4413
    QUARANTINED = 4423
    RELOADED = 4500
    UNAVAILABLE = 4503
    SLOW = 4508
    RESYNC_FAILED = 4510
    DRAIN = 4512
    """This process is going away; another (or its successor) is there at once."""
    TOO_FAST = 4529


@dataclass(frozen=True, slots=True)
class Who:
    """The person behind a socket, as others see them. ``color`` is 1…8."""

    person_id: uuid.UUID
    name: str
    color: int


class Socket:
    """A client's connection. ``deliver`` and ``hang_up`` are the server's own; they are called
    only by ``run``, so that one slow reader never holds up a room. Where the server has a way of sending
    that never waits, ``write_now`` is used instead of ``deliver``: no turn of the loop for each frame."""

    def __init__(
        self,
        *,
        who: Who,
        role: str,
        may_edit: bool,
        extended: bool,
        limits: Limits,
        deliver: Callable[[bytes], Awaitable[None]],
        hang_up: Callable[[int], Awaitable[None]],
        write_now: Callable[[bytes], None] | None = None,
    ) -> None:
        self._time = asyncio.get_running_loop().time
        loop_time = self._time()
        self.who = who
        self.role = role
        self.may_edit = may_edit
        self.extended = extended
        self.client_id: int | None = None
        """The CRDT client id whose presence this socket speaks for; set by its first own state."""
        self.frames = 0
        """Sync frames received, the number acknowledgements count in."""
        self.behind = False
        """A frame was refused for a gap; acknowledgements wait for the full answer."""
        self.answer_due = False
        self.resyncs = 0
        self.viewer_answers = 0
        self.closing: int | None = None
        self.last_sent_at = loop_time
        self._limits = limits
        self._frame_bucket = Bucket(limits.frames_per_s, limits.burst, loop_time)
        self._byte_bucket = Bucket(limits.bytes_per_s, limits.burst, loop_time)
        self._unanswered_bytes = 0
        self._probed = False
        self._queue: deque[bytes] = deque()
        self._idle: asyncio.Future[None] | None = None
        """What ``run`` waits on; a bare future, because an Event costs twice as much per frame."""
        self._deliver = deliver
        self._write_now = write_now
        self._hang_up = hang_up

    def send(self, frame: bytes) -> None:
        """Queue a frame; a reader too far behind is closed instead (a resync is cheap)."""
        if self.closing is not None:
            return
        if self._unanswered_bytes > self._limits.unanswered_bytes:
            self.close(Close.SLOW)
            return
        self._unanswered_bytes += len(frame)
        self._put(frame)
        if not self._probed and self._unanswered_bytes > self._limits.probe_after_bytes:
            self._probed = True
            self._put(frames.presence_query())

    def _put(self, frame: bytes) -> None:
        if self._write_now is None:
            self._queue.append(frame)
            self._wake()
        else:
            self.last_sent_at = self._time()
            self._write_now(frame)

    def send_extension(self, frame: bytes) -> None:
        """Queue a frame of our own types, if the client asked for them."""
        if self.extended:
            self.send(frame)

    def heard(self, size_bytes: int, now: float) -> bool:
        """Count an incoming frame; False when the client is beyond its rate."""
        self._unanswered_bytes = 0
        self._probed = False
        within = self._frame_bucket.take(1, now)
        if not self.answer_due:
            within = self._byte_bucket.take(size_bytes, now) and within
        return within

    def close(self, code: int) -> None:
        """Hang up after what is queued; further frames are ignored."""
        if self.closing is None:
            self.closing = code
            if code == Close.SLOW:
                self._queue.clear()
            self._wake()

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def run(self) -> None:
        """Write queued frames until the socket closes."""
        loop = asyncio.get_running_loop()
        while True:
            while self._queue:
                await self._deliver(self._queue.popleft())
            self.last_sent_at = loop.time()
            if self.closing is not None:
                await self._hang_up(self.closing)
                return
            self._idle = loop.create_future()
            await self._idle
            self._idle = None
