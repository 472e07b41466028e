"""A watcher misses nothing, however far behind it is."""

import asyncio
from dataclasses import replace

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind
from flowkernel.engine import event_stream as stream_module
from flowkernel.engine.event_stream import EventStream


def event(seq, root="r"):
    return Event(
        event_id=new_id(),
        execution_id=root,
        root_id=root,
        kind=EventKind.WAITING,
        happened_at=now(),
        seq=seq,
    )


async def seen(stream, cursor, count, root_id=None):
    found = []
    async for one in stream.watch(cursor, root_id, None):
        if one is not None:
            found.append(one.seq)
        if len(found) == count:
            return found


def test_a_watcher_gets_what_is_in_the_store_what_is_in_memory_and_what_comes():
    stored = [event(seq) for seq in range(1, 6)]
    stream = EventStream(5, lambda seq, **_family: [e for e in stored if e.seq > seq])

    async def watch():
        stream.publish([event(6)])
        watching = asyncio.create_task(seen(stream, 2, 5))
        await asyncio.sleep(0)
        stream.publish([event(7)])
        return await watching

    assert asyncio.run(watch()) == [3, 4, 5, 6, 7]


def test_a_watcher_of_one_family_sees_only_that_one():
    stream = EventStream(0, lambda _seq, **_family: [])
    stream.publish([event(1, "a"), event(2, "b"), event(3, "a")])

    assert asyncio.run(seen(stream, 0, 2, root_id="a")) == [1, 3]


def test_what_no_longer_fits_in_memory_is_read_from_the_store(monkeypatch):
    monkeypatch.setattr(stream_module, "MAX_EVENTS", 3)
    stored = [event(seq) for seq in range(1, 11)]
    stream = EventStream(0, lambda seq, **_family: [e for e in stored if e.seq > seq])

    stream.publish(stored)

    assert asyncio.run(seen(stream, 0, 10)) == list(range(1, 11))


def test_large_events_do_not_pile_up_in_memory(monkeypatch):
    monkeypatch.setattr(stream_module, "MAX_BYTES", 10_000)
    stored = [
        replace(event(seq), payload={"output": "x" * 4_000}) for seq in range(1, 6)
    ]
    stream = EventStream(0, lambda seq, **_family: [e for e in stored if e.seq > seq])

    stream.publish(stored)

    assert len(stream._events) == 2
    assert asyncio.run(seen(stream, 0, 5)) == [1, 2, 3, 4, 5]


def test_closing_lets_watchers_go():
    stream = EventStream(0, lambda _seq, **_family: [])

    async def watch():
        watching = asyncio.create_task(seen(stream, 0, 1))
        await asyncio.sleep(0)
        stream.close()
        return await watching

    assert asyncio.run(watch()) is None
    assert stream.watchers == 0
