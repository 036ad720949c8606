"""The embedder finds its batch size against a service that has limits of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from sage_studio.engine.batch_driver import Machine
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


@dataclass
class Ctx:
    http: Service
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
