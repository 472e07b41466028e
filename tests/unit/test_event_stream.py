"""A watcher misses nothing, however far behind it is."""

import asyncio
from dataclasses import replace

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind
from flowkernel.engine.event_stream import EventStream


def make_event(seq, root="r"):
    return Event(
        event_id=new_id(),
        execution_id=root,
        root_id=root,
        kind=EventKind.WAITING,
        happened_at=now(),
        seq=seq,
    )


def reader(stored):
    """Reads the older events as from a store."""
    return lambda seq, **_selection: [event for event in stored if event.seq > seq]


async def read_seqs(stream, cursor, count, root_id=None):
    """The numbers of the first `count` events; None if the stream ends before."""
    seqs = []
    async for event in stream.watch(cursor, root_id, None):
        if event is not None:
            seqs.append(event.seq)
        if len(seqs) == count:
            return seqs


def test_a_watcher_gets_what_is_in_the_store_what_is_in_memory_and_what_comes():
    stored = [make_event(seq) for seq in range(1, 6)]
    stream = EventStream(5, reader(stored))

    async def watch():
        stream.publish([make_event(6)])
        watching = asyncio.create_task(read_seqs(stream, 2, 5))
        await asyncio.sleep(0)
        stream.publish([make_event(7)])
        return await watching

    assert asyncio.run(watch()) == [3, 4, 5, 6, 7]


def test_a_watcher_of_one_family_gets_only_its_events():
    stream = EventStream(0, reader([]))
    stream.publish([make_event(1, "a"), make_event(2, "b"), make_event(3, "a")])

    assert asyncio.run(read_seqs(stream, 0, 2, root_id="a")) == [1, 3]


def test_what_no_longer_fits_in_memory_is_read_from_the_store():
    stored = [make_event(seq) for seq in range(1, 11)]
    stream = EventStream(0, reader(stored), max_events=3)

    stream.publish(stored)

    assert asyncio.run(read_seqs(stream, 0, 10)) == list(range(1, 11))


def test_large_events_do_not_pile_up_in_memory():
    stored = [
        replace(make_event(seq), payload={"output": "x" * 4_000}) for seq in range(1, 6)
    ]
    stream = EventStream(0, reader(stored), max_bytes=10_000)

    stream.publish(stored)

    assert len(stream._events) == 2
    assert asyncio.run(read_seqs(stream, 0, 5)) == [1, 2, 3, 4, 5]


def test_closing_ends_the_stream_of_every_watcher():
    stream = EventStream(0, reader([]))

    async def watch():
        watching = asyncio.create_task(read_seqs(stream, 0, 1))
        await asyncio.sleep(0)
        stream.close()
        return await watching

    assert asyncio.run(watch()) is None
    assert stream.watchers == 0
