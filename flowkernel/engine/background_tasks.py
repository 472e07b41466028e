"""What an engine does again and again beside its requests. None of it ends silently."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from logging import getLogger
from math import inf

from flowkernel.core.failure_count import FailureCount
from flowkernel.core.models import Json
from flowkernel.engine.timers import Timers

#: Does its work once; returns the seconds until the next time, or None to end.
Work = Callable[[], Awaitable[float | None]]
log = getLogger(__name__)


@dataclass
class RepeatedTask:
    """One task that is repeated, and how it went."""

    name: str
    work: Work
    count: FailureCount
    #: Hastened since it began: then it is done again so soon after its end.
    again_in: float = inf


class BackgroundTasks:
    """The repeated tasks of one engine: each is logged when it fails, and tried again."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._repeated: dict[str, RepeatedTask] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the timers, and with them the tasks, in the event loop of the caller."""
        self._spawn(self._timers.run())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()

    def repeat(self, name: str, work: Work, *, first_after: float = 0.0) -> None:
        """Do this again and again, beginning in so many seconds."""
        self._repeated[name] = RepeatedTask(name, work, FailureCount(name))
        self._set(self._repeated[name], first_after)

    def hasten(self, name: str, seconds: float) -> None:
        """Do it in so many seconds at the latest; what is being done now, once more."""
        if name in self._repeated:
            self._repeated[name].again_in = seconds
        self._timers.hasten(("task", name), seconds)

    def report(self) -> list[dict[str, Json]]:
        """Those that have failed since the engine started."""
        counts = [task.count for task in self._repeated.values()]
        return [count.to_json() for count in counts if count.failures]

    def _set(self, repeated: RepeatedTask, seconds: float) -> None:
        self._timers.set(
            ("task", repeated.name), seconds, partial(self._start, repeated)
        )

    def _start(self, repeated: RepeatedTask) -> None:
        self._spawn(self._do(repeated))

    def _spawn(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, repeated: RepeatedTask) -> None:
        repeated.again_in = inf
        try:
            seconds = await repeated.work()
        except Exception as error:
            log.exception(f"the background task {repeated.name!r} failed")
            repeated.count.note_failure(error)
            seconds = repeated.count.pause
        else:
            repeated.count.note_success()
        if seconds is not None:
            self._set(repeated, min(seconds, repeated.again_in))
