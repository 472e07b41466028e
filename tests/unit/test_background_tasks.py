"""No background task of an engine ends silently."""

import asyncio

from flowkernel.core import failure_count
from flowkernel.core.failure_count import FailureCount
from flowkernel.engine.background_tasks import BackgroundTasks
from flowkernel.engine.timers import Timers


async def run_until(tasks: BackgroundTasks, event: asyncio.Event) -> None:
    async with tasks.running():
        await asyncio.wait_for(event.wait(), 30)


def test_a_task_that_fails_is_tried_again_and_reported(monkeypatch, caplog):
    monkeypatch.setattr(failure_count, "FIRST_PAUSE", 0.001)

    async def scene():
        tasks, done, calls = BackgroundTasks(Timers()), asyncio.Event(), []

        async def work():
            calls.append(len(calls))
            if len(calls) < 3:
                raise ValueError("the number of this time is " + str(len(calls)))
            done.set()
            return None

        tasks.repeat("count", work)
        await run_until(tasks, done)
        return tasks.report()

    [report] = asyncio.run(scene())

    assert report["name"] == "count"
    assert report["failures"] == 2
    assert report["last_error"] == "ValueError: the number of this time is 2"
    assert caplog.text.count("the background task 'count' failed") == 2


def test_the_pause_after_failures_grows_up_to_a_minute():
    count, pauses = FailureCount("name"), []
    for _ in range(9):
        count.note_failure(ValueError("x" * 10_000))
        pauses.append(count.pause)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(count.last_error or "") == failure_count.MAX_ERROR


def test_a_task_comes_again_after_the_seconds_that_it_says():
    async def scene():
        tasks, done, calls = BackgroundTasks(Timers()), asyncio.Event(), []

        async def work():
            calls.append(None)
            if len(calls) == 3:
                done.set()
            return 0.001

        tasks.repeat("count", work)
        await run_until(tasks, done)
        return tasks.report()

    assert asyncio.run(scene()) == []


def test_a_task_can_be_hastened():
    async def scene():
        tasks, done = BackgroundTasks(Timers()), asyncio.Event()

        async def work():
            done.set()
            return None

        tasks.repeat("later", work, first_after=3600)
        tasks.hasten("later", 0.0)
        await run_until(tasks, done)

    asyncio.run(scene())


def test_what_is_hastened_while_it_is_done_is_done_again():
    async def scene():
        tasks, done, calls = BackgroundTasks(Timers()), asyncio.Event(), []

        async def work():
            calls.append(None)
            if len(calls) == 1:
                tasks.hasten("work", 0.0)
                return 3600
            done.set()
            return None

        tasks.repeat("work", work)
        await run_until(tasks, done)

    asyncio.run(scene())
