"""``python -m infra.chaos.rooms.soak --edits 172800`` (``make soak-collab``): a room for a long day.

Ten editors write as fast as the room lets them, leave and come back, with their document or without; nodes
come and go. Upkeep runs by a clock of seconds instead of days. At the end the web process's memory, the
journal, the size of the document and the number of deleted nodes must have stayed where the content is,
everything acknowledged or shown must be on disk, and everybody must have the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import pycrdt
from websockets.asyncio.client import ClientConnection

from infra.chaos.rooms.book import Book
from infra.chaos.rooms.editor import Editor
from infra.chaos.rooms.place import Place, stored_document
from infra.chaos.rooms.rig import content_of
from infra.setup.console import ROOT, say

EDITORS = 10
NODES = 40
PACE_S = 0.0095  # a socket may send 120 frames a second
SAMPLES = 40
TIMES = (
    "DOCUMENT_COMPACT_AGAIN_S=2,DOCUMENT_PURGE_AFTER_S=5,DOCUMENT_REBASE_OPEN_BYTES=0,DOCUMENT_SETTLE_S=1,"
    "DOCUMENT_SETTLE_AT_MOST_S=2"
)
MEMORY_GROWTH = 1.10
MEMORY_SLACK_MB = 8.0
ROWS_AT_MOST = 20_000
SIZE_TO_CONTENT = 4.0
DELETED_GROWTH = 2.0
DELETED_SLACK = 100
WELL_WITHIN_S = 120.0


@dataclass
class SoakEditor(Editor):
    """Edits without a pause and leaves now and then."""

    edits: int = 0
    _until_it_leaves: int = 300

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PACE_S)
            if not (self.is_synced and self.may_write.is_set()):
                continue
            await self._change(socket, {}, self._something())
            self.edits += 1
            self._until_it_leaves -= 1
            if self._until_it_leaves <= 0:
                self._until_it_leaves = self.dice.randint(200, 800)
                self.forgets = self.dice.random() < 0.5
                await socket.close()
                return

    def _something(self) -> partial[None]:
        chance = self.dice.random()
        if chance < 0.2:
            return partial(self._type)
        if chance < 0.4:
            return partial(self._add_or_delete, f"{self.name}{self.dice.randrange(NODES)}x{self.edits}")
        return partial(self._put, f"{self.name}.{self.dice.randrange(30)}", self.edits)

    def _add_or_delete(self, node_id: str) -> None:
        """A node like those of the editor; beyond the usual number the oldest goes, as people delete."""
        nodes: pycrdt.Map[Any] = self.doc.get("nodes", type=pycrdt.Map)
        mine = sorted(
            key for key in list(nodes.keys()) if key.startswith(f"{self.name}") and self._is_alive(nodes[key])
        )
        if len(mine) >= NODES // EDITORS:
            chosen = nodes[self.dice.choice(mine)]
            assert isinstance(chosen, pycrdt.Map)
            chosen["deleted"] = int(time.time() * 1000)
            return
        config = pycrdt.Map({"url": "https://example.org", "timeout_s": 30})
        texts = pycrdt.Map({"code": pycrdt.Text("return 1\n" * 10)})
        nodes[node_id] = pycrdt.Map({"type": "llm", "pos": [1, 2], "config": config, "texts": texts})

    @staticmethod
    def _is_alive(node: object) -> bool:
        return isinstance(node, pycrdt.Map) and node.get("deleted") is None


@dataclass(frozen=True, slots=True)
class Sample:
    """What one moment of the soak looked like."""

    edits: int
    memory_mb: float
    rows: int
    encoded_bytes: int
    content_bytes: int
    epoch: int
    deleted_nodes: int

    def __str__(self) -> str:
        size = f"{self.encoded_bytes / 1024:>7.0f} KB of {self.content_bytes / 1024:>5.0f} KB"
        room = f"{self.edits:>8} edits {self.memory_mb:>7} MB {self.rows:>6} rows"
        return f"{room} {size}, epoch {self.epoch}, {self.deleted_nodes} deleted nodes"


@dataclass
class Soak:
    """One run; ``faults`` says which bound was passed."""

    place: Place
    edits: int
    seed: int
    samples: list[Sample] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    promises: int = 0

    async def run(self) -> None:
        may_write = asyncio.Event()
        may_write.set()
        book = Book()
        editors = [
            SoakEditor(
                name=f"e{number}y",
                dice=Random(f"{self.seed}/{number}"),  # noqa: S311 - repeatable, guards nothing
                addresses=self.place.addresses,
                headers=self.place.headers(number),
                book=book,
                pause_s=PACE_S,
                forgets=False,
                may_write=may_write,
            )
            for number in range(EDITORS)
        ]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(editor.run()) for editor in editors]
            for step in range(1, SAMPLES + 1):
                await self._until(editors, self.edits * step // SAMPLES)
                self.samples.append(await asyncio.to_thread(self._sample, sum(e.edits for e in editors)))
                say(str(self.samples[-1]))
            may_write.clear()
            await self._converge(editors, book)
            for task in running:
                task.cancel()
        self._judge()

    async def _converge(self, editors: Sequence[SoakEditor], book: Book) -> None:
        """Once everybody has stopped and is acknowledged: all equal, and nothing lost."""
        tables, flow_id = self.place.tables(), self.place.staged["flow_id"]
        give_up_at = time.monotonic() + WELL_WITHIN_S
        while True:
            await asyncio.sleep(0.2)
            epoch, doc = await asyncio.to_thread(stored_document, tables, flow_id)
            wanted = content_of(doc)
            different = [
                editor.name
                for editor in editors
                if not editor.is_settled or editor.epoch != epoch or content_of(editor.doc) != wanted
            ]
            if not different or time.monotonic() > give_up_at:
                break
        for editor in editors:
            book.saw(editor.epoch, editor.seen())
        self.promises = book.promises
        self.faults += book.breaches(epoch, doc)
        if different:
            self.faults.append(f"not equal to the journal after {WELL_WITHIN_S:.0f} s: {different}")

    async def _until(self, editors: Sequence[SoakEditor], wanted: int) -> None:
        while True:
            if sum(editor.edits for editor in editors) >= wanted:
                return
            await asyncio.sleep(0.05)

    def _sample(self, edits: int) -> Sample:
        tables, flow_id = self.place.tables(), self.place.staged["flow_id"]
        epoch, doc = stored_document(tables, flow_id)
        (rows,) = tables.rows("SELECT count(*) AS n FROM collaboration_documentupdate")
        (web,) = self.place.webs
        status = Path(f"/proc/{web.pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
        values = {name: doc.get(name, type=pycrdt.Map).to_py() or {} for name in ("nodes", "notes", "edges")}
        gone = [node for node in values["nodes"].values() if node.get("deleted") is not None]
        # Deleted nodes are content as well until their time is over; how many there are is judged apart.
        content = len(json.dumps(values))
        size = len(doc.get_update())
        return Sample(edits, round(memory, 1), int(rows["n"]), size, content, epoch, len(gone))

    def _judge(self) -> None:
        quarter = len(self.samples) // 4
        early = mean(sample.memory_mb for sample in self.samples[quarter : 2 * quarter])
        late = mean(sample.memory_mb for sample in self.samples[-quarter:])
        if late > early * MEMORY_GROWTH + MEMORY_SLACK_MB:
            self.faults.append(f"memory grew from {early:.0f} to {late:.0f} MB")
        if max(sample.rows for sample in self.samples[quarter:]) > ROWS_AT_MOST:
            self.faults.append("the journal was not shortened")
        last = self.samples[-quarter:]
        if mean(s.encoded_bytes for s in last) > SIZE_TO_CONTENT * mean(s.content_bytes for s in last):
            self.faults.append("the document outgrew its content")
        before, gone = (
            mean(s.deleted_nodes for s in part) for part in (self.samples[quarter : 2 * quarter], last)
        )
        if gone > before * DELETED_GROWTH + DELETED_SLACK:
            self.faults.append(f"deleted nodes pile up: {before:.0f}, later {gone:.0f}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.chaos.rooms.soak", description=__doc__)
    parser.add_argument("--edits", type=int, default=172_800)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sage-soak-") as name:
        place = Place("sqlite", Path(name))
        began = time.monotonic()
        try:
            place.start(TIMES)
            place.webs[0].start("")
            soak = Soak(place, chosen.edits, chosen.seed)
            with asyncio.Runner() as runner:
                runner.run(soak.run())
        finally:
            place.stop()
    say("\n".join([f"{time.monotonic() - began:.0f} s, {soak.promises} acknowledgements", *soak.faults]))
    folder = ROOT / ".cache" / "chaos"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"samples": [asdict(sample) for sample in soak.samples], "faults": soak.faults}
    (folder / "rooms-soak.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
