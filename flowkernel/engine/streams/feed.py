"""What every stream of the engine has: watchers that read on from a number, each as it can."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from flowkernel.engine.streams.sse_frames import MAX_CHUNK, hello, id_frame

#: A watcher that gets nothing is told the number up to which that is so, now and then.
IDS_EVERY = 10_000
#: Seconds until the store is read again, if its tables lack what is not in memory any more.
LAG_SECONDS = 0.25
#: Pieces that are kept to be shared by watchers who want the same.
SHARED_CHUNKS = 64

S = TypeVar("S", bound=Hashable)


class Cursor(NamedTuple):
    """Up to where a watcher has everything."""

    seq: int  #: The number of an event.
    removals: int = 0  #: How many removals, which have no number, this engine had made.


class Chunk(NamedTuple):
    """A piece of a stream: frames as they are sent."""

    data: bytes
    cursor: Cursor  #: Where the watcher who got it has to read on.


class Feed(ABC, Generic[S]):
    """A stream that any number of watchers follow. Lives in the engine's event loop.

    A watcher is nothing but a cursor and a selection. What is newer than the cursor comes from
    memory or, if it is no longer there, from the store: so a slow one costs no memory and
    misses nothing. Each step from one cursor to the next says itself how far it leads. What
    several watchers want is made once.
    """

    def __init__(self) -> None:
        self.watchers = 0  #: All of them.
        self.active_watchers = 0  #: Those that keep an idle engine running.
        self._news = asyncio.Event()
        self._is_closed = False
        self._shared: LRUCache[tuple[Cursor, S], Chunk] = LRUCache(SHARED_CHUNKS)
        self._reads: dict[tuple[Cursor, S], asyncio.Task[Chunk]] = {}

    @abstractmethod
    def _from_memory(self, cursor: Cursor, selection: S) -> Chunk | None:
        """What follows the cursor; None if memory does not have all of it."""

    @abstractmethod
    async def _from_store(self, cursor: Cursor, selection: S) -> Chunk:
        """What follows the cursor, read from the store; the same cursor if that lags."""

    def _hello(self, cursor: Cursor) -> bytes:
        """What a watcher gets at once."""
        return hello(cursor.seq)

    def close(self) -> None:
        """End the stream of every watcher."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        """Something is new: what was shared is out of date."""
        self._shared.clear()
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def watch(
        self, cursor: Cursor, selection: S, *, is_passive: bool = False
    ) -> AsyncIterator[bytes]:
        """What follows the cursor, without end, until the stream is closed.

        Args:
            selection: What of it.
            is_passive: Whether the engine may exit although there is this watcher.
        """
        with self._counted(is_passive):
            last_id = cursor.seq
            yield self._hello(cursor)
            while not self._is_closed:
                news = self._news
                chunk = self._known(cursor, selection)
                is_old = chunk is None
                chunk = chunk or await self._read(cursor, selection)
                if chunk.data:
                    yield chunk.data
                    last_id = chunk.cursor.seq
                elif chunk.cursor.seq - last_id >= IDS_EVERY:
                    last_id = chunk.cursor.seq
                    yield id_frame(last_id)
                if chunk.cursor == cursor:
                    await _wait(news, LAG_SECONDS if is_old else None)
                cursor = chunk.cursor
                if len(chunk.data) >= MAX_CHUNK:  # A socket that takes all never waits.
                    await asyncio.sleep(0)

    @contextmanager
    def _counted(self, is_passive: bool) -> Iterator[None]:
        self.watchers += 1
        self.active_watchers += not is_passive
        try:
            yield
        finally:
            self.watchers -= 1
            self.active_watchers -= not is_passive

    def _known(self, cursor: Cursor, selection: S) -> Chunk | None:
        key = (cursor, selection)
        chunk = self._shared.get(key)
        if chunk is None:
            chunk = self._from_memory(cursor, selection)
            if chunk is not None:
                self._shared[key] = chunk
        return chunk

    async def _read(self, cursor: Cursor, selection: S) -> Chunk:
        """Read from the store; watchers who want the same share one reading."""
        key = (cursor, selection)
        task = self._reads.get(key)
        if task is None:
            task = asyncio.ensure_future(self._from_store(cursor, selection))
            self._reads[key] = task
            task.add_done_callback(lambda _task: self._reads.pop(key))
        return await asyncio.shield(task)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
