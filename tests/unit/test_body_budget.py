"""Large bodies wait for room: together they never take more memory than there is for them."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import EngineBusy
from flowkernel.engine.api.body_budget import SMALL, BodyBudget

ROOM = 4 * SMALL
SIZES = st.lists(st.integers(1, 6 * SMALL), min_size=1, max_size=12)


class Bodies:
    """Bodies that are read: each holds its room for some turns of the event loop."""

    def __init__(self, budget: BodyBudget) -> None:
        self.budget = budget
        self.bytes = self.most = 0
        self.order: list[int] = []

    async def read(self, number: int, size: int) -> None:
        async with self.budget.room(size):
            if size > SMALL:
                self.order.append(number)
                self.bytes += min(size, ROOM)
                self.most = max(self.most, self.bytes)
            await asyncio.sleep(0)
            if size > SMALL:
                self.bytes -= min(size, ROOM)


@settings(max_examples=40)
@given(SIZES, st.sets(st.integers(0, 11)))
def test_bodies_at_once_fit_into_the_room_and_come_in_their_order(sizes, hung_up):
    async def read_all() -> Bodies:
        bodies = Bodies(BodyBudget(max_bytes=ROOM))
        tasks = [
            asyncio.create_task(bodies.read(number, size))
            for number, size in enumerate(sizes)
        ]
        await asyncio.sleep(0)
        for number in hung_up & set(range(len(sizes))):
            tasks[number].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        assert bodies.budget._free == ROOM
        return bodies

    bodies = asyncio.run(read_all())

    assert bodies.most <= ROOM
    assert bodies.order == sorted(bodies.order)
    large = {number for number, size in enumerate(sizes) if size > SMALL}
    assert large - hung_up <= set(bodies.order)


def test_a_body_without_room_is_refused_after_a_while_and_a_small_one_needs_none():
    async def crowd() -> None:
        budget = BodyBudget(max_bytes=ROOM, wait_seconds=0.02)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(budget.room(ROOM))
            async with budget.room(SMALL):
                pass
            with pytest.raises(EngineBusy, match=r"waited 0\.02 s for room"):
                await stack.enter_async_context(budget.room(SMALL + 1))
        async with budget.room(ROOM):
            pass

    asyncio.run(crowd())
