"""How long a cell may run, without the time in which it waits for a person."""

from collections.abc import Callable
from datetime import datetime

from flowkernel.core.clock import monotonic, now

CHECK_SECONDS = 1.0  #: Between two checks whether it still waits for a person.

#: How many seconds it waited for a person since a moment, and whether it waits now.
AnswerTime = Callable[[datetime], tuple[float, bool]]


class CellTimeout:
    """The time limit of one cell. Asks for the answer time only when it seems to be over."""

    def __init__(self, seconds: float | None, answer_time: AnswerTime) -> None:
        """`seconds`: None: no limit."""
        self.seconds = seconds
        self._answer_time = answer_time
        self._started_at, self._start = now(), monotonic()
        self._check_after = seconds or 0.0  #: Seconds since the start.

    @property
    def is_due(self) -> bool:
        """Whether it is time to call `is_over`. Does not ask the engine."""
        return self.seconds is not None and self._elapsed >= self._check_after

    def is_over(self) -> bool:
        """Whether the cell has run longer than its limit. Asks the engine."""
        if not self.is_due or self.seconds is None:
            return False
        waited, is_waiting = self._answer_time(self._started_at)
        self._check_after = (
            self._elapsed + CHECK_SECONDS if is_waiting else self.seconds + waited
        )
        return self.is_due

    @property
    def _elapsed(self) -> float:
        return monotonic() - self._start
