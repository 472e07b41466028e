"""The stream of changes of the engine, followed once for all windows of this server.

It continues behind the last number that came, also with the next engine. While nobody has the
panel open it is closed; who comes back says from where.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from logging import getLogger
from typing import Protocol

from flowkernel.home import EngineFile
from flowkernel.server_extension.change_reader import (
    ChangeBatch,
    ChangeReader,
    StreamBroken,
)
from flowkernel.server_extension.home_engine import EngineReport, PanelState
from flowkernel.server_extension.recent_changes import RecentChanges, WindowPosition

log = getLogger(__name__)
FIRST_PAUSE = (
    0.1  #: Seconds until the second try to connect; then twice as long each time.
)
LONGEST_PAUSE = 5.0  #: Seconds between two tries, at most.
LOOK_EVERY = 0.1  #: Seconds between two looks whether there is another engine.
#: Seconds that the stream stays open when the last window is closed: a page that is loaded
#: again finds it.
KEPT_SECONDS = 10.0
#: A window that is further behind reads its lists again, which is faster.
MAX_BEHIND = 50_000


class FollowedEngine(Protocol):
    """What is needed of the engine of the home."""

    def known(self) -> EngineFile | None:
        """Its address; None: it is stopped."""

    def forget(self) -> None:
        """Read its address again."""

    async def report(self) -> EngineReport:
        """Its state."""

    def mark(self) -> object:
        """What is another one when there is another engine."""


#: Opens the stream of an engine, at a path.
OpenStream = Callable[[EngineFile, str], AsyncGenerator[bytes, None]]
#: The number of the last event of an engine.
ReadLastSeq = Callable[[EngineFile], Awaitable[int]]


class ChangesUpstream:
    """Follows the engine while there are windows, and keeps what came lately.

    Args:
        engine: That of the home.
        open_stream: Opens the stream of an engine.
        read_last_seq: Reads the number of its last event.
    """

    def __init__(
        self,
        engine: FollowedEngine,
        open_stream: OpenStream,
        read_last_seq: ReadLastSeq,
        *,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._engine = engine
        self._open_stream = open_stream
        self._read_last_seq = read_last_seq
        self._kept_seconds = kept_seconds
        self.report: EngineReport | None = None  #: None: not known yet.
        self.recent: RecentChanges | None = None  #: None: no engine was there yet.
        self._last_seq = 0  #: Of the engine, when we connected to it.
        self._windows: dict[object, int | None] = {}  #: From where each one came.
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None

    # -- windows -------------------------------------------------------------------------

    @property
    def window_count(self) -> int:
        """How many windows are open."""
        return len(self._windows)

    def add_window(self, window: object, after_seq: int | None) -> None:
        """A window is open; the engine is followed from now on.

        Args:
            after_seq: The number up to which it has everything; None: it has nothing.
        """
        self._windows[window] = after_seq
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove_window(self, window: object) -> None:
        """A window is closed."""
        self._windows.pop(window, None)
        if not self._windows and self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(self._kept_seconds, self.close)

    def close(self) -> None:
        """Follow the engine no longer, and keep nothing."""
        self._closing = None
        if self._task is not None:
            self._task.cancel()
        self._task = self.recent = None
        self.report = None  # What comes next may be stopped, or another one.
        self._engine.forget()

    def first_position(self, after_seq: int) -> WindowPosition | None:
        """The position of a window that comes back; None: no engine was there yet."""
        if self.recent is None:
            return None
        return self.recent.position_after(after_seq)

    @property
    def seq(self) -> int:
        """Up to here windows may have everything; 0 if none is open."""
        return 0 if self.recent is None else self.recent.seq

    @property
    def news(self) -> asyncio.Event:
        """Set when there is something new; the next thing needs another one."""
        return self._news

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    # -- the engine ----------------------------------------------------------------------

    async def _run(self) -> None:
        """Follow the engine, and the next one, and so on."""
        pause = FIRST_PAUSE
        while True:
            mark = self._engine.mark()
            try:
                is_open = await self._follow()
                self._show(await self._engine.report())
            except Exception:  # Whatever an engine may send: the next try is better.
                log.exception("the changes of the engine cannot be read")
                is_open = False
            pause = FIRST_PAUSE if is_open else pause
            is_new = await self._wait_for_engine(mark, pause)
            pause = FIRST_PAUSE if is_new else min(2 * pause, LONGEST_PAUSE)

    async def _follow(self) -> bool:
        """Read one stream until it breaks. Whether there was one."""
        file = self._engine.known()
        if file is None:
            return False
        reader, is_open = ChangeReader(), False
        with suppress(OSError, StreamBroken):
            self._last_seq = await self._read_last_seq(file)
            start = self._start_seq()
            path = f"/execution/change/stream?after_seq={start}"
            async with aclosing(self._open_stream(file, path)) as pieces:
                async for piece in pieces:
                    batch = reader.feed(piece)
                    if batch.removed_since is not None:  # It comes first.
                        self._begin(start, batch.removed_since)
                        is_open = True
                    if not is_open:
                        continue
                    self._add(batch)
                    self._show(EngineReport(PanelState.READY, version=file.version))
        self._engine.forget()
        return is_open

    def _start_seq(self) -> int:
        """The number behind which the stream begins: nothing is missed or doubled."""
        if self.recent is not None:
            if self.recent.seq > self._last_seq:  # It is another record.
                self.recent.reset(self._last_seq)
            return self.recent.seq
        numbers = [seq for seq in self._windows.values() if seq is not None]
        near = [seq for seq in numbers if 0 <= self._last_seq - seq <= MAX_BEHIND]
        return min(near, default=self._last_seq)

    def _begin(self, start: int, removed_since: int) -> None:
        """A stream begins. The engine may not know what was deleted before a number."""
        if self.recent is None:
            self.recent = RecentChanges(start)
            self._wake()
        elif self.recent.seq < removed_since:
            self.recent.reset(self.recent.seq)
            self._wake()
        self.recent.last_seq = self._last_seq

    def _add(self, batch: ChangeBatch) -> None:
        assert self.recent is not None
        self.recent.add(batch)
        if batch.rows or batch.removals:
            self._wake()

    def _show(self, report: EngineReport) -> None:
        if report != self.report:
            self.report = report
            self._wake()

    async def _wait_for_engine(self, mark: object, seconds: float) -> bool:
        """Wait for the next try, unless there is another engine: whether there is."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            await asyncio.sleep(min(LOOK_EVERY, seconds))
            if self._engine.mark() != mark:
                return True
            if loop.time() >= deadline:
                return False
