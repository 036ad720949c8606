"""The embedder finds its batch size against a service that has limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from sage_studio.engine.batch_driver import Machine
from sage_studio.engine.errors import BUDGET_REACHED
from sage_studio.kernel import SageError
from sage_studio.plugins.support.embedding import BAD_ANSWER, api_embed, hash_embed, hash_embed_all
from sage_studio.sdk import Context, NodeError, Price


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return self.body


@dataclass
class Service:
    """Takes at most ``most`` texts in a request, and says 429 to every ``busy_every``-th.

    A request takes 20 ms and a text one more, on a clock of its own: what the machine of the tests is
    busy with besides has no part in it.
    """

    most: int = 2_048
    busy_every: int = 0
    clock_s: float = 0.0
    sizes: list[int] = field(default_factory=list)
    asked: int = 0

    async def request(self, method: str, url: str, **more: Any) -> Answer:
        texts = more["json"]["input"]
        self.asked += 1
        self.clock_s += 0.02 + 0.001 * len(texts)
        if self.busy_every and self.asked % self.busy_every == 0:
            return Answer(429, headers={"Retry-After": "0"})
        if len(texts) > self.most:
            return Answer(413)
        self.sizes.append(len(texts))
        data = [{"index": i, "embedding": [float(text)]} for i, text in enumerate(texts)]
        return Answer(200, {"data": data[::-1]})

    async def wait(self, seconds: float) -> None:
        self.clock_s += seconds

    def machine(self) -> Machine:
        return Machine(lambda: self.clock_s, self.wait, memory_pressure=lambda: None)


class Memory:
    """The flow's values and the blobs behind them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.contents: dict[str, bytes] = {}

    async def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def set(self, key: str, value: Any) -> None:
        self.values[key] = value


class Blobs:
    def __init__(self, memory: Memory) -> None:
        self._contents = memory.contents

    async def put(self, content: bytes, *, mime: str) -> str:
        key = f"sha256:{len(self._contents)}"
        self._contents[key] = content
        return key

    async def get(self, key: str) -> bytes:
        return self._contents[key]


@dataclass
class Ctx:
    http: Service
    node_id: str = "embedder_1"
    state: Memory = field(default_factory=Memory)
    budget: int | None = None
    said: list[tuple[int, int]] = field(default_factory=list)
    price_of_all: Price | None = None
    afforded: int = 0
    spent: list[tuple[int, str, str]] = field(default_factory=list)

    def progress(self, done: int, total: int) -> None:
        self.said.append((done, total))

    async def in_thread(self, function: Any, *args: Any) -> Any:
        return function(*args)

    async def price(self, model: str) -> Price | None:
        return self.price_of_all

    async def afford(self, micros: int = 0, *, currency: str = "USD") -> None:
        self.afforded += micros
        if self.budget is not None and self.afforded > self.budget:
            raise SageError(BUDGET_REACHED, {"left": "0", "next": "1"})

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.state)

    def cost(self, micros: int, *, currency: str = "USD", what: str = "") -> None:
        self.spent.append((micros, currency, what))


async def embed(service: Service, count: int) -> list[list[float]]:
    texts = [str(number) for number in range(count)]
    context = cast(Context, Ctx(service))
    return await api_embed(
        context, texts, model="m", address="https://e.org/v1", credential="", machine=service.machine()
    )


async def test_a_service_that_takes_few_at_once_is_given_few_and_all_vectors_come_in_order() -> None:
    service = Service(most=30)

    vectors = await embed(service, 1_000)

    assert vectors == [[float(number)] for number in range(1_000)]
    assert max(service.sizes) <= 30


async def test_batches_grow_while_the_service_gets_faster() -> None:
    service = Service()

    await embed(service, 20_000)

    assert service.sizes[0] == 100
    assert max(service.sizes) > 100


async def test_a_busy_service_is_asked_again() -> None:
    service = Service(busy_every=3)

    vectors = await embed(service, 500)

    assert len(vectors) == 500


async def test_a_service_that_takes_not_even_one_is_an_error_a_person_can_read() -> None:
    with pytest.raises(NodeError) as caught:
        await embed(Service(most=0), 5)

    assert caught.value.code is BAD_ANSWER
    assert "413" in caught.value.message()


async def test_hashing_in_batches_gives_what_hashing_all_at_once_gives() -> None:
    context = Ctx(Service())
    texts = [f"word{number} of many" for number in range(300)]

    vectors = await hash_embed_all(cast(Context, context), texts, 64)

    assert vectors == hash_embed(texts, 64)
    assert context.said[-1] == (300, 300)


async def test_every_batch_is_afforded_before_it_is_sent_and_counted_when_it_is_answered() -> None:
    service = Service(most=1_000)
    price = Price(model="m", currency="EUR", input_micros=1_000_000, output_micros=0)
    ctx = Ctx(service, price_of_all=price)
    await api_embed(
        cast(Context, ctx), ["1"] * 4, model="m", address="https://e.org/v1", credential="",
        machine=service.machine(),
    )  # fmt: skip
    assert ctx.afforded >= sum(micros for micros, _, _ in ctx.spent) > 0
    assert {(currency, what) for _, currency, what in ctx.spent} == {("EUR", "m")}


async def test_what_was_paid_before_the_budget_was_reached_is_not_paid_again() -> None:
    service = Service()
    price = Price(model="m", currency="USD", input_micros=1_000_000, output_micros=0)
    texts = [str(i) for i in range(400)]

    async def embed(ctx: Ctx, texts: list[str]) -> list[list[float]]:
        return await api_embed(
            cast(Context, ctx), texts, model="m", address="https://e.org/v1", credential="",
            machine=service.machine(),
        )  # fmt: skip

    ctx = Ctx(service, price_of_all=price, budget=200)
    with pytest.raises(SageError):
        await embed(ctx, texts)
    assert 0 < sum(service.sizes) < len(texts)
    again = Ctx(service, state=ctx.state, price_of_all=price)
    assert await embed(again, texts) == [[float(text)] for text in texts]
    assert sum(service.sizes) == len(texts)
    assert list(ctx.state.values.values()) == [None]
    assert await embed(again, texts[:3]) == [[0.0], [1.0], [2.0]]
