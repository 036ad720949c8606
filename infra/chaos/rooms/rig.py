"""Editors write, parts die, and after each death the journal is held against every promise."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pycrdt

from apps.collaboration.documents.library import ROOTS
from apps.collaboration.wire.frames import read_state_vector
from infra.chaos.rooms.author import Author
from infra.chaos.rooms.book import Book
from infra.chaos.rooms.editor import Editor
from infra.chaos.rooms.place import Place, Web, stored_document

# Chance puts most kills between two commits; these put some exactly at one.
COMMIT_POINTS = (
    "document.before_commit:kill%0.3,document.after_commit:kill%0.3,document.patch:kill%3,"
    "document.patched:kill%3,document.compact:kill%25,document.compacted:kill%25,document.purge:kill%25,"
    "document.purged:kill%25,document.rebase:kill%25,document.rebased:kill%25"
)
# What happens once in a week or a year happens between two kills, with everybody connected.
TIMES = (
    "DOCUMENT_COMPACT_AFTER_ROWS=60,DOCUMENT_COMPACT_AGAIN_S=0.5,DOCUMENT_PURGE_AFTER_S=2,"
    "DOCUMENT_REBASE_OPEN_BYTES=0,DOCUMENT_REBASE_AT_LEAST_BYTES=8000,DOCUMENT_REBASE_GROWTH=1.5,"
    "DOCUMENT_SETTLE_S=0.3,DOCUMENT_SETTLE_AT_MOST_S=1"
)
CONVERGE_EVERY = 25
# Something hangs when it takes longer, on a machine many times as slow as a calm one.
WELL_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``kills`` in one mode, or as many as fit into ``minutes``. ``work`` is how many acknowledgements
    editors get between two kills."""

    mode: str
    kills: int
    seed: int
    editors: int = 20
    pause_s: float = 0.08
    work: int = 25
    minutes: float = math.inf


@dataclass
class Report:
    """What came of it. ``breaches`` are promises that were not kept."""

    mode: str
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    promises: int = 0
    checks: int = 0
    convergences: int = 0
    falls: int = 0
    patches: int = 0
    epochs: int = 1
    breaches: list[str] = field(default_factory=list)
    rig_faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest_recovery_s: float = 0.0

    @property
    def is_whole(self) -> bool:
        return not self.breaches and not self.rig_faults

    def as_json(self) -> str:
        return json.dumps({**vars(self), "kills": dict(self.kills)}, indent=1)

    def as_text(self) -> str:
        kinds = ", ".join(f"{what} {count}" for what, count in sorted(self.kills.items()))
        lines = [
            f"{self.mode}, seed {self.seed}: {sum(self.kills.values())} kills in {self.seconds:.0f} s",
            f"  {kinds}",
            f"  {self.promises} acknowledgements, {self.patches} patches, {self.falls} falls of editors",
            f"  {self.epochs} epochs, {self.convergences} times everybody equal",
            f"  slowest recovery {self.slowest_recovery_s:.1f} s",
            f"  lost acknowledged edits: {len(self.breaches)}",
            *(f"    {breach}" for breach in self.breaches[:20]),
            *(f"  rig: {fault}" for fault in self.rig_faults[:20]),
        ]
        return "\n".join(lines)


def run_kills(plan: Plan) -> Report:
    """Everything is gone afterwards but the report."""
    with tempfile.TemporaryDirectory(prefix="sage-kills-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        place = Place(plan.mode, folder)
        began = time.monotonic()
        try:
            place.start(TIMES)
            with asyncio.Runner() as runner:
                report = runner.run(Rig(plan, place).run())
        finally:
            place.stop()
    report.seconds = round(time.monotonic() - began, 1)
    return report


class Rig:
    """One run. All of it on one loop; what blocks goes to threads."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self.plan = plan
        self.place = place
        self.book = Book()
        self.report = Report(plan.mode, plan.seed)
        self.dice = Random(f"{plan.seed}/kills")  # noqa: S311 - repeatable, guards nothing
        self.may_write = asyncio.Event()
        self.editors = [self._editor(number) for number in range(plan.editors)]
        self.author = Author("a", self._dice("author"), place, self.book, plan.pause_s * 3, self.may_write)

    def _everybody(self) -> list[Editor | Author]:
        return [*self.editors, self.author]

    def _dice(self, name: str) -> Random:
        return Random(f"{self.plan.seed}/{name}")  # noqa: S311 - repeatable, guards nothing

    def _editor(self, number: int) -> Editor:
        return Editor(
            name=f"e{number}",
            dice=self._dice(f"e{number}"),
            addresses=self.place.addresses,
            headers=self.place.headers(number),
            book=self.book,
            pause_s=self.plan.pause_s,
            forgets=number % 4 == 3,
            may_write=self.may_write,
        )

    async def run(self) -> Report:
        self._start_webs()
        self.may_write.set()
        async with asyncio.TaskGroup() as tasks:
            people = [tasks.create_task(person.run()) for person in self._everybody()]
            tender = tasks.create_task(self._tend())
            try:
                await self._kills()
                await self._converge()
            finally:
                for task in (*people, tender):
                    task.cancel()
        self._conclude()
        return self.report

    def _start_webs(self) -> None:
        for web in self.place.webs:
            web.start(COMMIT_POINTS)

    async def _kills(self) -> None:
        choices = {"web": 6, "redis": 1} | ({"postgres": 2} if self.plan.mode == "postgres" else {})
        last, over_at = 0, time.monotonic() + self.plan.minutes * 60
        while (done := sum(self.report.kills.values())) < self.plan.kills and not self.report.breaches:
            if time.monotonic() > over_at:
                return
            if not await self._progress():
                self.report.rig_faults.append(f"nothing was acknowledged for {WELL_WITHIN_S:.0f} s")
                return
            if done - last >= CONVERGE_EVERY:
                last = done
                await self._converge()
            what = self.dice.choices(list(choices), list(choices.values()))[0]
            await asyncio.sleep(self.dice.uniform(0, 0.15))
            if await getattr(self, f"_kill_{what}")():
                self.report.kills[what] += 1
                await self._judge(f"{what} killed")

    async def _progress(self) -> bool:
        """Until editors have got acknowledgements again."""
        began, wanted = time.monotonic(), self.book.promises + self.plan.work
        while self.book.promises < wanted:
            if time.monotonic() - began > WELL_WITHIN_S:
                return False
            await asyncio.sleep(0.01)
        taken = time.monotonic() - began
        self.report.slowest_recovery_s = round(max(self.report.slowest_recovery_s, taken), 2)
        return True

    # ---- what dies

    async def _kill_web(self) -> bool:
        """Whether it lived: one that has just killed itself counts as that."""
        web = self.dice.choice(self.place.webs)
        if not web.is_alive:
            return False
        web.signal(signal.SIGKILL)
        await asyncio.to_thread(web.wait_gone)
        return True

    async def _kill_redis(self) -> bool:
        self.place.redis.kill()
        await asyncio.sleep(self.dice.uniform(0, 1))
        await asyncio.to_thread(self.place.redis.start)
        return True

    async def _kill_postgres(self) -> bool:
        assert self.place.postgres is not None
        self.place.postgres.kill()
        await asyncio.sleep(self.dice.uniform(0, 0.5))
        await asyncio.to_thread(self.place.start_postgres_again)
        return True

    async def _tend(self) -> None:
        """Start web processes again, those that died at a commit point too."""
        while True:
            await asyncio.sleep(0.05)
            for web in self.place.webs:
                if not web.is_alive:
                    await self._fallen(web)

    async def _fallen(self, web: Web) -> None:
        points = web.new_failpoints()
        for point in points:
            self.report.kills[point] += 1
        await self._judge("web died")
        await asyncio.to_thread(web.start, COMMIT_POINTS)

    # ---- the judge

    async def _judge(self, when: str) -> None:
        """Promises first, then the document: whatever was promised or shown by then must be in it."""
        for editor in self.editors:
            self.book.saw(editor.epoch, editor.seen())
        promised = self.book.so_far()
        epoch, doc = await asyncio.to_thread(
            stored_document, self.place.tables(), self.place.staged["flow_id"]
        )
        self.report.checks += 1
        self.report.epochs = epoch
        self.report.breaches += [f"{when}: {breach}" for breach in promised.breaches(epoch, doc)]

    async def _converge(self) -> None:
        """Everybody stops, is acknowledged, and then has the same document as the journal."""
        self.may_write.clear()
        try:
            async with asyncio.timeout(WELL_WITHIN_S):
                await self._until_all_equal()
        except TimeoutError:
            waiting = [str(editor) for editor in self.editors if not editor.is_settled]
            told = f"author: {self.author.is_settled}; different: {await self._different()}"
            self.report.breaches.append(f"no convergence: unsettled: {waiting}; {told}")
        else:
            self.report.convergences += 1
        self.may_write.set()

    async def _until_all_equal(self) -> None:
        while True:
            if await self._all_equal():
                return
            await asyncio.sleep(0.05)

    async def _all_equal(self) -> bool:
        if not all(person.is_settled for person in self._everybody()):
            return False
        epoch, doc = await asyncio.to_thread(
            stored_document, self.place.tables(), self.place.staged["flow_id"]
        )
        wanted = content_of(doc)
        return all(editor.epoch == epoch and content_of(editor.doc) == wanted for editor in self.editors)

    async def _different(self) -> list[str]:
        """What editors have that the journal has not, or the other way round."""
        _, doc = await asyncio.to_thread(stored_document, self.place.tables(), self.place.staged["flow_id"])
        wanted = content_of(doc)
        return [
            f"{editor.name} {part}: {str(found)[:200]} for {str(wanted[part])[:200]}"
            for editor in self.editors
            for part, found in content_of(editor.doc).items()
            if found != wanted[part]
        ][:5]

    def _conclude(self) -> None:
        self.report.promises = self.book.promises
        self.report.patches = self.author.done
        self.report.falls = sum(editor.falls for editor in self.editors)
        for editor in self.editors:
            self.report.rig_faults += [f"{editor.name} was refused with {code}" for code in editor.refused]
        self.report.rig_faults += [f"a patch was refused: {text}" for text in self.author.refused]


def content_of(doc: pycrdt.Doc[Any]) -> dict[str, Any]:
    """Everything in it, and how far it knows each client."""
    values: dict[str, Any] = {name: doc.get(name, type=pycrdt.Map).to_py() for name in ROOTS}
    return {**values, "clocks": read_state_vector(doc.get_state())}
