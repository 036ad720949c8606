"""A writer by HTTP: patches go through the headless writer, each answered only once it is on disk."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from random import Random
from typing import Any

from infra.chaos.rooms.book import GONE, Book, Claim
from infra.chaos.rooms.place import Place

NODES = 20


@dataclass
class Author:
    """Adds and removes nodes of its own. ``run`` until cancelled."""

    name: str
    dice: Random
    place: Place
    book: Book
    pause_s: float
    may_write: asyncio.Event
    is_settled: bool = True
    done: int = 0
    refused: list[str] = field(default_factory=list)
    _alive: set[str] = field(default_factory=set)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.pause_s * self.dice.uniform(0.5, 1.5))
            await self.may_write.wait()
            self.is_settled = False
            await self._write()
            self.is_settled = True

    async def _write(self) -> None:
        """One patch, tried until it is answered: adding what is there and removing what is gone are
        conflicts that ``partial`` turns into nothing."""
        node = f"{self.name}{self.dice.randrange(NODES)}"
        is_removal = node in self._alive
        operation: dict[str, Any] = (
            {"op": "remove_node", "id": node}
            if is_removal
            else {"op": "add_node", "node": {"id": node, "type": "manual_trigger", "pos": [0, 0]}}
        )
        key = f"node:{node}"
        number = self.book.write(key, GONE if is_removal else 1)
        patch = {"schema": "sage-studio/patch@1", "summary": "chaos", "operations": [operation]}
        while True:
            if await asyncio.to_thread(self._sent, patch):
                break
            await asyncio.sleep(0.1)
        self.book.promise(Claim(0, 0, 0, {key: number}))
        (self._alive.discard if is_removal else self._alive.add)(node)
        self.done += 1

    def _sent(self, patch: dict[str, Any]) -> bool:
        staged = self.place.staged
        web = self.dice.choice(self.place.webs)
        path = f"/api/v1/workspaces/{staged['workspace_id']}/flows/{staged['flow_id']}/patches?partial=1"
        request = urllib.request.Request(
            f"http://127.0.0.1:{web.port}{path}",
            data=json.dumps(patch).encode(),
            headers={"Authorization": f"Bearer {staged['key']}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                self.refused.append(f"{error.code} {error.read()[:300]!r}")
            return False
        except OSError:
            return False
