"""The events of all executions, for clients that follow them as they happen."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import NamedTuple, Protocol

from flowkernel.core.json_values import dumps
from flowkernel.core.models import Event
from flowkernel.engine.streams.feed import Chunk, Cursor, Feed
from flowkernel.engine.streams.sse_frames import StreamFrame, first_part, frame, join
from flowkernel.store import EventPage

#: Events kept in memory; a watcher that is further behind reads from the store.
MAX_EVENTS = 10_000
MAX_BYTES = 64 * 1024 * 1024  #: Of the events kept in memory, about.


class EventSelection(NamedTuple):
    """Which events a watcher wants: all, or those of one family or one execution."""

    root_id: str | None = None
    execution_id: str | None = None

    def has(self, event: "RecentEvent") -> bool:
        """Whether the event is one of them."""
        is_in_family = self.root_id in (None, event.root_id, event.current_root_id)
        return is_in_family and self.execution_id in (None, event.execution_id)


class ReadEvents(Protocol):
    """Reads a page of events from the store."""

    def __call__(
        self, seq: int, /, *, root_id: str | None, execution_id: str | None
    ) -> EventPage:
        """The events after number `seq`, in order, and how far they go."""


class RecentEvent:
    """An event in memory: its frame, as soon as a watcher wanted it."""

    __slots__ = (
        *("_content", "current_root_id", "execution_id"),
        *("root_id", "seq", "size"),
    )

    def __init__(self, event: Event, current_root_id: str) -> None:
        self.seq = event.seq
        self.root_id = event.root_id
        self.current_root_id = current_root_id
        self.execution_id = event.execution_id
        self.size = _size(event)
        self._content: Event | StreamFrame = event

    def is_of(self, ids: Set[str]) -> bool:
        """Whether it is of one of these executions, or of one under these roots."""
        return self.execution_id in ids or self.root_id in ids

    def frame(self) -> StreamFrame:
        """Made once, for all watchers."""
        if isinstance(self._content, Event):
            self._content = event_frame(self._content)
        return self._content


class EventStream(Feed[EventSelection]):
    """All events in the order of their `seq`, each encoded once for all watchers."""

    def __init__(
        self,
        last_seq: int,
        read_events: ReadEvents,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__()
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._events: deque[RecentEvent] = deque()
        self._bytes = 0
        self._floor = last_seq  #: Events up to here are only in the store.
        self.last_seq = last_seq  #: The number of the last event that it had.
        self._read_events = read_events

    def publish(
        self,
        events: Iterable[Event],
        root_ids: Mapping[int, str] | None = None,
        *,
        removed: Set[str] = frozenset(),
    ) -> None:
        """Add events that were committed, and wake the watchers.

        Args:
            root_ids: By number, those that belong to the watchers of another family, too.
            removed: The ids of roots and executions that were deleted: of these, and of what
                is under these roots, nothing is sent any more.
        """
        for event in events:
            item = RecentEvent(event, (root_ids or {}).get(event.seq, event.root_id))
            self._events.append(item)
            self._bytes += item.size
            self.last_seq = event.seq
            while self._is_full:
                oldest = self._events.popleft()
                self._floor = oldest.seq
                self._bytes -= oldest.size
        if removed:
            self._forget(removed)
        self._wake()

    def _forget(self, removed: Set[str]) -> None:
        self._events = deque(e for e in self._events if not e.is_of(removed))
        self._bytes = sum(event.size for event in self._events)

    @property
    def _is_full(self) -> bool:
        return len(self._events) > self._max_events or self._bytes > self._max_bytes

    def _from_memory(self, cursor: Cursor, selection: EventSelection) -> Chunk | None:
        if cursor.seq < self._floor:
            return None
        items = filter(selection.has, self._after(cursor.seq))
        frames = (item.frame() for item in items)
        part, is_all = first_part(frames)
        end = self.last_seq if is_all else part[-1].seq
        return Chunk(join(part), Cursor(max(cursor.seq, end)))

    def _after(self, seq: int) -> Iterator[RecentEvent]:
        start = bisect_right(self._events, seq, key=attrgetter("seq"))
        return islice(self._events, start, None)

    async def _from_store(self, cursor: Cursor, selection: EventSelection) -> Chunk:
        read = partial(self._read_events, cursor.seq, **selection._asdict())
        return await asyncio.to_thread(_chunk_of, read, cursor)


def _chunk_of(read: "partial[EventPage]", cursor: Cursor) -> Chunk:
    page = read()
    frames = [event_frame(event) for event in page.events]
    return Chunk(join(frames), Cursor(max(cursor.seq, page.upto)))


def event_frame(event: Event) -> StreamFrame:
    """The event as it is sent."""
    return frame(event.seq, dumps(event.to_json()))


def _size(event: Event) -> int:
    """Bytes in memory, about: only values that a flow chooses can be large."""
    large_values = (
        value
        for value in event.payload.values()
        if isinstance(value, str | dict | list)
    )
    return 1_000 + sum(len(str(value)) for value in large_values if value)
