"""What happened, for those who watch: the newest events in memory, older ones on disk."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from flowkernel.core.models import Event

KEPT = 10_000  #: Events kept in memory; who is further behind reads from the store.
KEPT_BYTES = 64 * 1024 * 1024  #: And so many bytes of them, about.
PAGE = 1_000  #: Events read from the store at a time.
HEARTBEAT = 5.0  #: Seconds after which a silent stream says that it is there.

ReadOlder = Callable[[int, str | None, str | None], list[Event]]


class EventStream:
    """All events in the order of their `seq`. Lives in the engine's event loop.

    A watcher pulls from its cursor on: one that is slow falls back to the store, and costs
    no memory.
    """

    def __init__(self, last_seq: int, read_older: ReadOlder) -> None:
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._floor = last_seq  #: Events up to here are only in the store.
        self._read_older = read_older
        self._news = asyncio.Event()
        self._is_closed = False
        self.watchers = 0

    def publish(self, events: list[Event]) -> None:
        """Add what was committed, and wake who watches."""
        for event in events:
            self._events.append(event)
            self._bytes += _size(event)
            while len(self._events) > KEPT or self._bytes > KEPT_BYTES:
                oldest = self._events.popleft()
                self._floor = oldest.seq
                self._bytes -= _size(oldest)
        self._wake()

    def close(self) -> None:
        """Let every watcher go."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def watch(
        self, cursor: int, root_id: str | None, execution_id: str | None
    ) -> AsyncIterator[Event | None]:
        """Events after `cursor`, for ever; None as a heartbeat."""
        self.watchers += 1
        try:
            while not self._is_closed:
                news = self._news
                if cursor < self._floor:
                    page = await asyncio.to_thread(
                        self._read_older, cursor, root_id, execution_id
                    )
                    cursor = (
                        page[-1].seq if len(page) == PAGE else max(cursor, self._floor)
                    )
                    for event in page:
                        cursor = max(cursor, event.seq)
                        yield event
                    continue
                for event in self._after(cursor):
                    cursor = event.seq
                    if root_id in (None, event.root_id) and execution_id in (
                        None,
                        event.execution_id,
                    ):
                        yield event
                if news is self._news and not await _within(news, HEARTBEAT):
                    yield None
        finally:
            self.watchers -= 1

    def _after(self, cursor: int) -> list[Event]:
        newer = []
        for event in reversed(self._events):
            if event.seq <= cursor:
                break
            newer.append(event)
        return newer[::-1]


def _size(event: Event) -> int:
    """About how much memory it takes: only what a flow chose can be large."""
    large = (
        event.payload.get(name) for name in ("inputs", "output", "text", "message")
    )
    return 1_000 + sum(len(str(value)) for value in large if value)


async def _within(news: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return False
    return True
