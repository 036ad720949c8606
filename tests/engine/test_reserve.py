"""What is promised to work under way, on the run's own worker and on one that does a node for it."""

from __future__ import annotations

import asyncio

import pytest

from sage_studio.engine.spending import Reserve
from sage_studio.kernel import SageError

ALLOWED = 100


async def test_of_two_who_ask_at_once_the_first_gets_what_there_is() -> None:
    reserve, said = Reserve(), []

    async def left(currency: str) -> int:
        await asyncio.sleep(0)  # as long as a question to the database takes, others may ask
        return ALLOWED - reserve.micros

    async def spend(name: str, micros: int) -> None:
        try:
            async with reserve.hold(micros, "USD", left):
                said.append(f"{name} spends")
                await asyncio.sleep(0.01)
        except SageError as error:
            said.append(f"{name} {error.code.code}")

    await asyncio.gather(spend("first", 60), spend("second", 60), spend("third", 40))

    assert said == ["first spends", "second budget.reached", "third spends"]
    assert reserve.micros == 0


async def test_nothing_stays_promised_to_who_is_cancelled_while_others_are_asked() -> None:
    reserve, answer = Reserve(), asyncio.Event()

    async def left(currency: str) -> int:
        await answer.wait()
        return ALLOWED - reserve.micros

    async def spend() -> None:
        async with reserve.hold(60, "USD", left):
            pytest.fail("nobody answered")

    asking = [asyncio.create_task(spend()) for _ in range(2)]
    await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)

    assert reserve.micros == 0
