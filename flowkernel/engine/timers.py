"""What is to happen at a moment: one heap, and one task that waits for the next of them.

Moments are on the monotonic clock: a clock that is set back or forward changes none of them.
"""

import asyncio
import heapq
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from logging import getLogger

from flowkernel.core.clock import monotonic

log = getLogger(__name__)


@dataclass(order=True)
class Timer:
    """One thing that is to happen."""

    at: float  #: On the monotonic clock.
    number: int  #: Of two at the same moment, the one that was set first comes first.
    key: Hashable = field(compare=False)
    callback: Callable[[], None] = field(compare=False)


class Timers:
    """The timers of one engine. Used in its event loop only."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        #: By key; what is in the heap and not here was cancelled or replaced.
        self._current: dict[Hashable, Timer] = {}
        self._numbers = count()
        self._is_earlier = asyncio.Event()

    def set(self, key: Hashable, seconds: float, callback: Callable[[], None]) -> None:
        """Call back in so many seconds. A timer that has this key already is replaced."""
        timer = Timer(monotonic() + seconds, next(self._numbers), key, callback)
        self._current[key] = timer
        heapq.heappush(self._heap, timer)
        if self._heap[0] is timer:
            self._is_earlier.set()

    def hasten(self, key: Hashable, seconds: float) -> None:
        """Have a timer that is set go off in so many seconds, unless it does so before."""
        timer = self._current.get(key)
        if timer is not None and timer.at > monotonic() + seconds:
            self.set(key, seconds, timer.callback)

    def cancel(self, key: Hashable) -> None:
        """Forget a timer, if there is one."""
        self._current.pop(key, None)

    def seconds_to_next(self) -> float | None:
        """Seconds until the next timer; None if there is none."""
        while self._heap and self._current.get(self._heap[0].key) is not self._heap[0]:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0].at - monotonic()) if self._heap else None

    def run_due(self) -> None:
        """Call back for each timer that is due. One that fails loses itself only."""
        while self.seconds_to_next() == 0.0:
            timer = heapq.heappop(self._heap)
            del self._current[timer.key]
            try:
                timer.callback()
            except Exception:
                log.exception(f"the timer {timer.key!r} failed")

    async def run(self) -> None:
        """Call back for each timer when it is due, without end."""
        while True:
            self._is_earlier.clear()
            self.run_due()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_earlier.wait(), self.seconds_to_next())
