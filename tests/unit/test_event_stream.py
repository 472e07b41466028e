"""A watcher misses nothing and gets nothing twice, however far behind it is."""

import asyncio
import threading
from contextlib import aclosing
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind
from flowkernel.engine.streams import event_stream
from flowkernel.engine.streams.event_stream import (
    EventSelection,
    EventStream,
    RecentEvent,
)
from flowkernel.engine.streams.feed import IDS_EVERY, Cursor
from flowkernel.store import EventPage
from tests.sse import sent_events

EVERYTHING = EventSelection()
PATIENCE = 20  #: Seconds until an event that is missing fails a test.


def make_event(seq, root="r"):
    return Event(
        event_id=new_id(),
        execution_id=root,
        root_id=root,
        kind=EventKind.WAITING,
        happened_at=now(),
        seq=seq,
    )


def is_selected(selection, event):
    return selection.has(RecentEvent(event, event.root_id))


def reader(stored, limit=1_000):
    """Reads pages of the older events as from a store."""

    def read(seq, root_id=None, execution_id=None):
        selection = EventSelection(root_id, execution_id)
        events = [e for e in stored if e.seq > seq and is_selected(selection, e)]
        upto = stored[-1].seq if stored else 0
        is_cut = len(events) > limit
        page = events[:limit]
        return EventPage(page, page[-1].seq if is_cut else upto)

    return read


def seqs_in(chunk):
    return [event.data["seq"] for event in sent_events(chunk) if event.data]


async def read_seqs(stream, cursor, count, selection=EVERYTHING):
    """The numbers of the first `count` events; None if the stream ends before."""
    seqs = []
    watching = aclosing(stream.watch(Cursor(cursor), selection))
    async with asyncio.timeout(PATIENCE), watching as chunks:
        async for chunk in chunks:
            seqs += seqs_in(chunk)
            if len(seqs) >= count:
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

    assert asyncio.run(read_seqs(stream, 0, 2, EventSelection("a"))) == [1, 3]


def test_nothing_of_what_was_deleted_is_sent_any_more():
    stream = EventStream(0, reader([]))
    events = [make_event(1, "a"), make_event(2, "b"), make_event(3, "a")]
    child = replace(make_event(4, "a"), execution_id="child of a")
    stream.publish([*events, child])

    stream.publish([make_event(5, "c"), make_event(6, "a")], removed={"a"})

    assert asyncio.run(read_seqs(stream, 0, 2)) == [2, 5]
    stream.publish([], removed={"b"})
    assert asyncio.run(read_seqs(stream, 0, 1)) == [5]


def test_what_no_longer_fits_in_memory_is_read_from_the_store():
    stored = [make_event(seq) for seq in range(1, 11)]
    stream = EventStream(0, reader(stored), max_events=3)

    stream.publish(stored)

    assert asyncio.run(read_seqs(stream, 0, 10)) == list(range(1, 11))


def test_large_events_do_not_pile_up_in_memory():
    stored = [
        replace(make_event(seq), payload={"patch": {"x": "x" * 4_000}})
        for seq in range(1, 6)
    ]
    stream = EventStream(0, reader(stored), max_bytes=11_000)

    stream.publish(stored)

    assert len(stream._events) == 2
    assert asyncio.run(read_seqs(stream, 0, 5)) == [1, 2, 3, 4, 5]


def test_an_event_that_comes_while_an_older_page_is_read_is_not_missed():
    stored = [make_event(seq) for seq in range(1, 6)]
    page_was_read, was_published = threading.Event(), threading.Event()

    def read_slowly(seq, **selection):
        page = reader(stored)(seq, **selection)
        page_was_read.set()
        was_published.wait(10)
        return page

    async def watch():
        stream = EventStream(5, read_slowly, max_events=2)
        watching = asyncio.create_task(read_seqs(stream, 0, 12))
        await asyncio.to_thread(page_was_read.wait, 10)
        newer = [make_event(seq) for seq in range(6, 13)]
        stored.extend(newer)
        stream.publish(newer)  # Memory has the last two alone.
        was_published.set()
        return await watching

    assert asyncio.run(watch()) == list(range(1, 13))


def test_a_store_whose_tables_lag_is_asked_again_until_it_has_what_is_missing():
    stored = [make_event(1)]
    lagging = iter([EventPage([], 0), EventPage([], 0), EventPage(stored, 1)])
    stream = EventStream(1, lambda *_seq, **_selection: next(lagging))

    assert asyncio.run(read_seqs(stream, 0, 1)) == [1]


def test_an_event_is_encoded_once_for_all_watchers(monkeypatch):
    encoded = []
    encode = event_stream.event_frame

    def count(event):
        encoded.append(event.seq)
        return encode(event)

    monkeypatch.setattr(event_stream, "event_frame", count)
    stream = EventStream(0, reader([]))

    async def watch():
        selections = [EVERYTHING, EventSelection("r"), EventSelection(None, "r")]
        watching = [
            asyncio.create_task(read_seqs(stream, 0, 3, selection))
            for selection in selections * 20
        ]
        await asyncio.sleep(0)
        stream.publish([make_event(1), make_event(2)])
        await asyncio.sleep(0)
        stream.publish([make_event(3)])
        return await asyncio.gather(*watching)

    assert asyncio.run(watch()) == [[1, 2, 3]] * 60
    assert encoded == [1, 2, 3]


def test_watchers_who_want_the_same_old_page_share_one_reading():
    stored = [make_event(seq) for seq in range(1, 6)]
    readings = []

    def read(seq, **selection):
        readings.append(seq)
        return reader(stored)(seq, **selection)

    async def watch():
        stream = EventStream(5, read)
        return await asyncio.gather(*(read_seqs(stream, 0, 5) for _ in range(50)))

    assert asyncio.run(watch()) == [[1, 2, 3, 4, 5]] * 50
    assert len(readings) == 1


def test_a_watcher_that_takes_all_at_once_lets_others_run_between_the_pieces():
    stream = EventStream(0, reader([]))
    large = [
        replace(make_event(seq), payload={"text": "x" * 100_000})
        for seq in range(1, 101)
    ]
    stream.publish(large)
    turns = 0

    async def take_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def watch():
        other = asyncio.create_task(take_turns())
        seqs = await read_seqs(stream, 0, 100)
        other.cancel()
        return seqs

    assert asyncio.run(watch()) == list(range(1, 101))
    assert turns > 20


def test_who_gets_nothing_for_long_is_told_how_far_that_goes():
    stream = EventStream(0, reader([]), max_events=IDS_EVERY * 2)

    async def watch():
        chunks = stream.watch(Cursor(0), EventSelection("another"))
        first = await anext(chunks)
        stream.publish([make_event(seq) for seq in range(1, IDS_EVERY + 1)])
        return [*sent_events(first), *sent_events(await anext(chunks))]

    assert [event.id for event in asyncio.run(watch())] == [0, IDS_EVERY]


def test_closing_ends_the_stream_of_every_watcher():
    stream = EventStream(0, reader([]))

    async def watch():
        watching = asyncio.create_task(read_seqs(stream, 0, 1))
        await asyncio.sleep(0)
        stream.close()
        return await watching

    assert asyncio.run(watch()) is None
    assert stream.watchers == stream.active_watchers == 0


def test_a_passive_watcher_does_not_count_as_active():
    stream = EventStream(0, reader([]))

    async def watch():
        async with aclosing(
            stream.watch(Cursor(0), EVERYTHING, is_passive=True)
        ) as chunks:
            await anext(chunks)
            return stream.watchers, stream.active_watchers

    assert asyncio.run(watch()) == (1, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 4)),
        st.tuples(st.just("read"), st.integers(0, 2)),
        st.tuples(st.just("cut"), st.integers(0, 2)),
    ),
    max_size=30,
)


@given(STEPS, st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=150)
def test_whatever_the_order_of_events_reads_and_new_connections_nothing_is_missing_or_double(
    steps, max_events, limit
):
    stored = []
    families = ["a", "b", "a", "b"]
    selections = [EVERYTHING, EventSelection("a"), EventSelection("b")]

    async def play():
        stream = EventStream(0, reader(stored, limit), max_events=max_events)
        chunks = [stream.watch(Cursor(0), selection) for selection in selections]
        last_ids, seen = [0, 0, 0], [[], [], []]

        def note(index, chunk, keep=None):
            for event in list(sent_events(chunk))[:keep]:
                last_ids[index] = event.id
                seen[index] += [event.data["seq"]] if event.data else []

        async def read(index, keep=None):
            try:
                async with asyncio.timeout(0.02):
                    note(index, await anext(chunks[index]), keep)
            except TimeoutError:
                await reconnect(index)

        async def reconnect(index):
            await chunks[index].aclose()
            cursor = Cursor(last_ids[index])
            chunks[index] = stream.watch(cursor, selections[index])

        for verb, number in steps:
            if verb == "publish":
                first = len(stored) + 1
                roots = families[:number]
                events = [make_event(first + i, root) for i, root in enumerate(roots)]
                stored.extend(events)
                stream.publish(events)
            elif verb == "read":
                await read(number)
            else:  # The connection breaks within a piece.
                await read(number, keep=1)
                await reconnect(number)
        stream.close()
        for index, selection in enumerate(selections):
            await reconnect(index)
            stream._is_closed = False
            wanted = [event.seq for event in stored if is_selected(selection, event)]
            async with asyncio.timeout(PATIENCE):
                while len(seen[index]) < len(wanted):
                    note(index, await anext(chunks[index]))
            assert seen[index] == wanted
            await chunks[index].aclose()

    asyncio.run(play())


def test_what_a_retry_has_adopted_comes_to_the_watchers_of_both_families():
    stream = EventStream(0, reader([]))
    stream.publish([make_event(1, "first"), make_event(2, "first")], {2: "again"})

    def seqs_of(root):
        return asyncio.run(read_seqs(stream, 0, 1, EventSelection(root)))

    assert (seqs_of("first"), seqs_of("again")) == ([1, 2], [2])
