"""Processors, memory and GPUs: never more promised than there is.

A node names what one attempt of it takes (``sdk.Needs``); the pool of its worker hands that out whole
or not at all, and a node holds only once and waits for nothing meanwhile, so holders never wait for
each other. Of those that wait, the one with the most work hanging on it goes first, within bounds that
keep everybody moving. Smaller ones may slip past a large one that does not fit yet, but only so often:
then the large one is served next.

Used on one event loop; all runs of a worker share one pool.
"""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from sage_studio.kernel import Json, SageError, Text, define_error

TOO_MUCH = define_error(
    "run.needs_too_much",
    4100,
    en="“{name}” needs {needs} {unit}; this worker has {has}.",
    zh="“{name}” 需要 {needs} {unit_zh}，而此工作进程只有 {has}。",
    hint_en="Run it on a larger worker, or lower what the node asks for.",
    hint_zh="请在资源更多的工作进程上运行，或降低该节点申请的资源。",
    status=422,
)
BAD_BUDGET = define_error(
    "settings.bad_budget",
    4101,
    en="{name} is “{value}”; it must be a number that is not negative.",
    zh="{name} 的值为 “{value}”，应为非负数。",
    status=422,
)

OVERTAKEN_MOST = 16
"""How often a waiting node may be overtaken by ones that fit beside what is held."""
JUMP, JUMP_HALF = 256, 1000.0
"""The highest priority jumps this many places in the line; this priority half as many. A bound, so
that a stream of important nodes cannot keep the others waiting for ever."""

_UNITS: Mapping[str, Text] = {
    "cpu": Text(en="processors", zh="个处理器"),
    "memory_mb": Text(en="MB of memory", zh="MB 内存"),
    "gpu": Text(en="GPUs", zh="个 GPU"),
}


class Needs(Protocol):
    """``sdk.Needs``: what one attempt takes."""

    @property
    def cpu(self) -> float: ...

    @property
    def memory_mb(self) -> int: ...

    @property
    def gpu(self) -> int: ...


class Amount(NamedTuple):
    """So much of everything. Processors are counted in thousandths, so that sums are exact."""

    milli_cpu: int = 0
    memory_mb: int = 0
    gpu: int = 0

    @classmethod
    def of(cls, needs: Needs) -> Amount:
        return cls(round(needs.cpu * 1000), needs.memory_mb, needs.gpu)

    def fits_in(self, room: Amount) -> bool:
        return self.milli_cpu <= room.milli_cpu and self.memory_mb <= room.memory_mb and self.gpu <= room.gpu

    def plus(self, other: Amount) -> Amount:
        return Amount(
            self.milli_cpu + other.milli_cpu, self.memory_mb + other.memory_mb, self.gpu + other.gpu
        )

    def minus(self, other: Amount) -> Amount:
        return Amount(
            self.milli_cpu - other.milli_cpu, self.memory_mb - other.memory_mb, self.gpu - other.gpu
        )


NOTHING = Amount()
ONE = Amount(milli_cpu=1000)
"""One of whatever is counted: a processor, or a place among the nodes of a run at work."""


def machine_budget(environ: Mapping[str, str] | None = None) -> Amount:
    """What this worker may hand out: ``SAGE_CPUS``, ``SAGE_MEMORY_MB`` and ``SAGE_GPUS`` where they are
    set, else the processors and the memory of the machine and no GPU.

    GPUs are counted, not looked for: a worker with two devices is started with ``SAGE_GPUS=2``.
    Raises SageError ``settings.bad_budget``.
    """
    values = os.environ if environ is None else environ
    cpus = _read(values, "SAGE_CPUS", float(len(os.sched_getaffinity(0))))
    memory_mb = _read(values, "SAGE_MEMORY_MB", _machine_memory_mb())
    return Amount(round(cpus * 1000), int(memory_mb), int(_read(values, "SAGE_GPUS", 0)))


def _read(values: Mapping[str, str], name: str, default: float) -> float:
    given = values.get(name, "").strip()
    if not given:
        return default
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e12:
        raise SageError(BAD_BUDGET, {"name": name, "value": given})
    return number


def _machine_memory_mb() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 20)
    except (ValueError, OSError):
        return 4096.0


@dataclass(order=True, slots=True)
class _Waiter:
    place: float
    turn: int
    granted: asyncio.Future[None] = field(compare=False)
    overtaken: int = field(default=0, compare=False)


class ResourcePool:
    """Hands out a worker's budget. ``held`` never exceeds ``budget`` in any part."""

    def __init__(self, budget: Amount) -> None:
        self.budget = budget
        self.held = NOTHING
        # A queue for each amount asked for: there are few kinds of nodes, but maybe thousands of each.
        self._queues: dict[Amount, list[_Waiter]] = {}
        self._turn = 0
        self._is_serving_soon = False

    @property
    def free(self) -> Amount:
        return self.budget.minus(self.held)

    @property
    def waiting(self) -> int:
        """How many wait for their share."""
        return sum(not waiter.granted.done() for queue in self._queues.values() for waiter in queue)

    def check(self, wants: Iterable[tuple[str, Needs]]) -> None:
        """Raise SageError ``run.needs_too_much`` (with ``errors`` for every further one) when a node,
        given by its name, can never be served here. Meant for before a run starts."""
        self.check_amounts((name, Amount.of(needs)) for name, needs in wants)

    def check_amounts(self, wants: Iterable[tuple[str, Amount]]) -> None:
        """The same for amounts, as several nodes take together."""
        errors = [error for name, amount in wants for error in self._lacks(name, amount)]
        if errors:
            errors[0].errors = errors[1:]
            raise errors[0]

    def _lacks(self, name: str, amount: Amount) -> Iterable[SageError]:
        parts = (
            ("cpu", amount.milli_cpu / 1000, self.budget.milli_cpu / 1000),
            ("memory_mb", amount.memory_mb, self.budget.memory_mb),
            ("gpu", amount.gpu, self.budget.gpu),
        )
        for part, needs, has in parts:
            if needs > has:
                unit = _UNITS[part]
                facts: dict[str, Json] = {
                    "name": name,
                    "needs": round(needs, 3),
                    "has": round(has, 3),
                    "unit": unit["en"],
                    "unit_zh": unit["zh"],
                }
                yield SageError(TOO_MUCH, facts)

    @asynccontextmanager
    async def hold(self, needs: Needs, priority: float = 0.0) -> AsyncIterator[None]:
        """Wait for the share, hold it for the block, give it back. Higher ``priority`` goes first.

        Raises SageError ``run.needs_too_much`` for more than there is.
        """
        amount = Amount.of(needs)
        await self.acquire(amount, priority)
        try:
            yield
        finally:
            self.release(amount)

    async def acquire(self, amount: Amount, priority: float = 0.0) -> None:
        """Wait until ``amount`` is held; ``release`` the same afterwards."""
        if not amount.fits_in(self.budget):
            raise next(iter(self._lacks("", amount)))
        if not self._queues and amount.fits_in(self.free):
            self.held = self.held.plus(amount)
            return
        self._turn += 1
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = self._turn - JUMP * priority / (abs(priority) + JUMP_HALF)
        heapq.heappush(self._queues.setdefault(amount, []), _Waiter(place, self._turn, granted))
        self._serve()
        try:
            await granted
        except asyncio.CancelledError:
            # Granted and cancelled in the same turn: the share goes back.
            if granted.done() and not granted.cancelled():
                self.release(amount)
            else:
                self._serve()
            raise

    def release(self, amount: Amount) -> None:
        """Give back what was acquired; whoever fits goes on, in the next turn of the loop: what this one
        frees (the next on its path) is in line by then."""
        self.held = self.held.minus(amount)
        if self._queues and not self._is_serving_soon:
            self._is_serving_soon = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        """Grant what fits, the first in line first; nobody passes one that was overtaken too often."""
        self._is_serving_soon = False
        while fronts := sorted(self._fronts(), key=lambda front: front[1]):
            passed: list[_Waiter] = []
            for amount, waiter in fronts:
                if amount.fits_in(self.free):
                    break
                if waiter.overtaken >= OVERTAKEN_MOST:
                    return
                passed.append(waiter)
            else:
                return
            heapq.heappop(self._queues[amount])
            self.held = self.held.plus(amount)
            waiter.granted.set_result(None)
            for other in passed:
                other.overtaken += 1

    def _fronts(self) -> list[tuple[Amount, _Waiter]]:
        """The first of every queue; those who gave up waiting are left out."""
        fronts = []
        for amount, queue in list(self._queues.items()):
            while queue and queue[0].granted.done():
                heapq.heappop(queue)
            if queue:
                fronts.append((amount, queue[0]))
            else:
                del self._queues[amount]
        return fronts


class Share:
    """One attempt's share of a pool, as a limit that is taken and given back."""

    __slots__ = ("_amount", "_pool", "_priority")

    def __init__(self, pool: ResourcePool, amount: Amount, priority: float) -> None:
        self._pool = pool
        self._amount = amount
        self._priority = priority

    async def acquire(self) -> None:
        await self._pool.acquire(self._amount, self._priority)

    def release(self) -> None:
        self._pool.release(self._amount)
