"""Presence owned by the server: one client id per socket, identity stamped, clocks re-issued.

Clients cannot speak for others: an entry counts only when it is the socket's own client id, and
the ``user`` in it is always replaced. Clocks are milliseconds of server time, so that a client
that reconnects (or a server that restarts) is never outdone by its own past.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from apps.collaboration.rooms.socket import Socket
from apps.collaboration.wire import frames
from apps.collaboration.wire.frames import PresenceEntry
from sage_studio.kernel import JsonObject

_LEFT = "null"
REMOTE_TTL_S = 40.0


@dataclass(slots=True)
class _State:
    clock: int
    text: str
    socket: Socket | None
    """None for a socket of another process."""
    person_id: str
    seen_at: float


class PresenceBoard:
    """Everybody's latest state in one room; what changed since the last tick is ``dirty``."""

    def __init__(self, *, max_bytes: int) -> None:
        self._states: dict[int, _State] = {}
        self._dirty: set[int] = set()
        self._max_bytes = max_bytes
        self._last_clock = 0

    def heard(self, socket: Socket, entries: list[PresenceEntry], *, taken: Callable[[int], bool]) -> bool:
        """Take over the socket's own state from a frame; True when there was one.

        A socket's client id is bound by its first frame with exactly one state (stock clients
        send such a one on connecting); ``taken`` says whether an id belongs to another person.
        """
        if socket.client_id is None and len(entries) == 1:
            self._bind(socket, entries[0].client_id, taken)
        own = [entry for entry in entries if entry.client_id == socket.client_id]
        if not own or (text := self._stamped(socket, own[-1].state)) is None:
            return False
        self._put(own[-1].client_id, text, socket, str(socket.who.person_id))
        return True

    def _bind(self, socket: Socket, client_id: int, taken: Callable[[int], bool]) -> None:
        """Let the socket speak for ``client_id``, unless somebody else does. A person's own older
        socket gives way: it is the half-open one that the reconnect replaced."""
        known = self._states.get(client_id)
        if known is not None and known.text != _LEFT:
            if known.person_id != str(socket.who.person_id):
                return
            if known.socket is not None:
                known.socket.client_id = None
        if not taken(client_id):
            socket.client_id = client_id

    def _stamped(self, socket: Socket, raw: str) -> str | None:
        """The state with the session's identity in it; None when it is not acceptable.

        What Python takes for JSON and browsers do not (NaN, halves of surrogate pairs) would break
        the presence of everybody in the room.
        """
        if len(raw) > self._max_bytes or len(raw.encode()) > self._max_bytes:
            return None
        try:
            state = json.loads(raw)
            if state is None:
                return _LEFT
            if not isinstance(state, dict):
                return None
            state["user"] = self._user(socket)
            text = json.dumps(state, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError):
            return None
        return text

    @staticmethod
    def _user(socket: Socket) -> JsonObject:
        who = socket.who
        return {"id": str(who.person_id), "name": who.name, "color": who.color, "role": socket.role}

    def _put(self, client_id: int, text: str, socket: Socket | None, person_id: str) -> None:
        self._states[client_id] = _State(self._next_clock(), text, socket, person_id, time.monotonic())
        self._dirty.add(client_id)

    def _next_clock(self) -> int:
        self._last_clock = max(self._last_clock + 1, int(time.time() * 1000))
        return self._last_clock

    def left(self, socket: Socket) -> bool:
        """Take a socket's state away; True when others should hear of it."""
        client_id = socket.client_id
        known = self._states.get(client_id) if client_id is not None else None
        if client_id is None or known is None or known.socket is not socket or known.text == _LEFT:
            return False
        self._put(client_id, _LEFT, socket, known.person_id)
        return True

    def visited(self, client_id: int, state: JsonObject) -> None:
        """A writer without a socket (the API, the assistant, a rollback …) is here for a moment. Rooms of
        other processes see it in the journal themselves."""
        self._put(client_id, json.dumps(state, ensure_ascii=False), None, "")

    def visit_over(self, client_id: int) -> bool:
        known = self._states.get(client_id)
        if known is None or known.text == _LEFT:
            return False
        self._put(client_id, _LEFT, None, "")
        return True

    def told(self, states: dict[int, str]) -> bool:
        """States of sockets in another process. A socket of our own wins over hearsay."""
        changed = False
        for client_id, text in states.items():
            known = self._states.get(client_id)
            if known is not None and known.socket is not None and known.text != _LEFT:
                continue
            if known is not None and known.text == text:
                known.seen_at = time.monotonic()
                if text == _LEFT:
                    continue
            self._put(client_id, text, None, _person_in(text))
            changed = True
        return changed

    def expire(self) -> bool:
        """Drop states of processes that fell silent."""
        limit = time.monotonic() - REMOTE_TTL_S
        silent = [
            client_id
            for client_id, state in self._states.items()
            if state.socket is None and state.text != _LEFT and state.seen_at < limit
        ]
        for client_id in silent:
            self._put(client_id, _LEFT, None, "")
        return bool(silent)

    def everything(self) -> bytes | None:
        """A frame with all present states, for somebody who has just joined. With new clocks: a
        client that reconnects has forgotten the states but not their clocks, and would ignore
        what it has heard before."""
        entries = []
        for client_id, state in self._states.items():
            if state.text != _LEFT:
                state.clock = self._next_clock()
                entries.append(self._encoded(client_id))
        return frames.presence(entries) if entries else None

    def own(self) -> dict[int, str]:
        """States of this process's sockets, for rooms elsewhere."""
        return {client_id: s.text for client_id, s in self._states.items() if s.socket and s.text != _LEFT}

    def flush(self, sockets: set[Socket]) -> dict[int, str]:
        """Send what changed to every socket except its own state; returns the changes of this
        process's sockets, for rooms elsewhere."""
        if not self._dirty:
            return {}
        dirty, self._dirty = self._dirty, set()
        encoded = {client_id: self._encoded(client_id) for client_id in dirty}
        common = frames.presence(list(encoded.values()))
        for socket in sockets:
            if socket.client_id not in encoded:
                socket.send(common)
            elif others := [entry for client_id, entry in encoded.items() if client_id != socket.client_id]:
                socket.send(frames.presence(others))
        own = {c: self._states[c].text for c in dirty if self._states[c].socket is not None}
        for client_id in dirty:
            if self._states[client_id].text == _LEFT:
                del self._states[client_id]
        return own

    def _encoded(self, client_id: int) -> bytes:
        state = self._states[client_id]
        return frames.presence_entry(client_id, state.clock, state.text)


def _person_in(text: str) -> str:
    """The person another process stamped into a state."""
    state = json.loads(text)
    user = state.get("user") if isinstance(state, dict) else None
    return str(user.get("id", "")) if isinstance(user, dict) else ""
