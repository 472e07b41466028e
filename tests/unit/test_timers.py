"""Timers go off once, in order of their moments, whatever the clock on the wall says."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowkernel.core.clock
from flowkernel.engine.timers import Timers
from tests.stage import Clock

MOMENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=12)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only `move` changes."""
    clock = Clock()
    clock.stop()
    monkeypatch.setattr(flowkernel.core.clock, "time", StoppedTime(clock))
    return clock


class StoppedTime:
    """The monotonic clock of a test."""

    def __init__(self, clock):
        self.clock = clock

    def monotonic(self):
        return self.clock.ahead


def test_timers_go_off_in_order_of_their_moments(clock):
    timers, calls = Timers(), []
    for name, seconds in (("late", 5), ("soon", 1), ("now", 0)):
        timers.set(name, seconds, lambda name=name: calls.append(name))

    timers.run_due()
    assert (calls, timers.seconds_to_next()) == (["now"], 1)
    clock.move(seconds=10)
    timers.run_due()

    assert (calls, timers.seconds_to_next()) == (["now", "soon", "late"], None)


@given(MOMENTS)
def test_each_key_goes_off_once_at_its_last_moment(moments):
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flowkernel.core.clock, "time", StoppedTime(clock))
        timers, calls = Timers(), []
        for key, seconds in moments:
            timers.set(key, seconds, lambda key=key: calls.append((clock.ahead, key)))
        for _ in range(6):
            timers.run_due()
            clock.move(seconds=1)

    expected = {key: float(seconds) for key, seconds in moments}
    assert sorted(calls) == sorted((at, key) for key, at in expected.items())


def test_a_cancelled_timer_does_not_go_off(clock):
    timers, calls = Timers(), []
    timers.set("a", 1, lambda: calls.append("a"))

    timers.cancel("a")
    clock.move(seconds=2)
    timers.run_due()

    assert (calls, timers.seconds_to_next()) == ([], None)


def test_a_timer_can_be_made_to_go_off_sooner_and_not_later(clock):
    timers = Timers()
    timers.set("a", 10, lambda: None)

    timers.hasten("a", 3)
    timers.hasten("a", 5)
    timers.hasten("not set", 0)

    assert timers.seconds_to_next() == 3


def test_a_timer_that_fails_loses_itself_only(clock, caplog):
    timers, calls = Timers(), []
    timers.set("bad", 0, lambda: 1 / 0)
    timers.set("good", 0, lambda: calls.append("good"))

    timers.run_due()

    assert calls == ["good"]
    assert "'bad' failed" in caplog.text


def test_an_earlier_timer_wakes_the_task_that_waits_for_a_later_one():
    async def scene():
        timers, rang = Timers(), asyncio.Event()
        task = asyncio.create_task(timers.run())
        timers.set("late", 3600, lambda: None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        timers.set("soon", 0.01, rang.set)
        await asyncio.wait_for(rang.wait(), 30)
        task.cancel()

    asyncio.run(scene())
