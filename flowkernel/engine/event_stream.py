"""The events of all executions, for clients that follow them as they happen."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from itertools import takewhile
from typing import Protocol

from flowkernel.core.models import Event

#: Events kept in memory; a watcher that is further behind reads from the store.
MAX_EVENTS = 10_000
MAX_BYTES = 64 * 1024 * 1024  #: Of the events kept in memory, about.
PAGE = 1_000  #: Events read from the store at a time.
HEARTBEAT = 5.0  #: Seconds without events until a watcher gets None.


class ReadOlder(Protocol):
    """Reads events that are no longer in memory, at most `PAGE` of them."""

    def __call__(
        self, seq: int, /, *, root_id: str | None, execution_id: str | None
    ) -> list[Event]:
        """Events after number `seq`, in order."""


class EventStream:
    """All events in the order of their `seq`. Lives in the engine's event loop.

    A watcher reads from its cursor on: a slow one falls back to the store, and costs no
    memory.
    """

    def __init__(
        self,
        last_seq: int,
        read_older: ReadOlder,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._floor = last_seq  #: Events up to here are only in the store.
        self._read_older = read_older
        self._news = asyncio.Event()
        self._is_closed = False
        self.watchers = 0

    def publish(self, events: list[Event]) -> None:
        """Add events that were committed, and wake the watchers."""
        for event in events:
            self._events.append(event)
            self._bytes += _size(event)
            while self._is_full:
                oldest = self._events.popleft()
                self._floor = oldest.seq
                self._bytes -= _size(oldest)
        self._wake()

    @property
    def _is_full(self) -> bool:
        return len(self._events) > self._max_events or self._bytes > self._max_bytes

    def close(self) -> None:
        """End the stream of every watcher."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def watch(
        self, cursor: int, root_id: str | None, execution_id: str | None
    ) -> AsyncIterator[Event | None]:
        """Events after `cursor`, without end; None as a heartbeat.

        Args:
            root_id: Only those of this family.
            execution_id: Only those of this execution.
        """
        self.watchers += 1
        try:
            while not self._is_closed:
                news = self._news
                if cursor < self._floor:
                    read = partial(self._read_older, cursor, root_id=root_id)
                    page = await asyncio.to_thread(read, execution_id=execution_id)
                    cursor = self._cursor_after(page, cursor)
                    for event in page:
                        yield event
                    continue
                for event in self._after(cursor):
                    cursor = event.seq
                    if _is_of(event, root_id, execution_id):
                        yield event
                if news is self._news and not await _is_set_within(news, HEARTBEAT):
                    yield None
        finally:
            self.watchers -= 1

    def _cursor_after(self, page: list[Event], cursor: int) -> int:
        """Where to read on after a page from the store: a short page was the last one."""
        end = page[-1].seq if page else cursor
        return end if len(page) == PAGE else max(end, cursor, self._floor)

    def _after(self, cursor: int) -> list[Event]:
        """The events in memory after `cursor`, oldest first."""
        newest_first = reversed(self._events)
        newer = [*takewhile(lambda event: event.seq > cursor, newest_first)]
        return newer[::-1]


def _is_of(event: Event, root_id: str | None, execution_id: str | None) -> bool:
    """Whether it belongs to this family and this execution; None is any."""
    is_in_family = root_id in (None, event.root_id)
    return is_in_family and execution_id in (None, event.execution_id)


def _size(event: Event) -> int:
    """Bytes in memory, about: only values that a flow chooses can be large."""
    large_values = (
        event.payload.get(name) for name in ("inputs", "output", "text", "message")
    )
    return 1_000 + sum(len(str(value)) for value in large_values if value)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
