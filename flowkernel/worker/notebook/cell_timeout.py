"""How long a cell may take, less the time in which a person was waited for."""

from collections.abc import Callable
from datetime import datetime

from flowkernel.core.clock import monotonic, now

LOOK_SECONDS = 1.0  #: Between two looks whether a person is still waited for.

#: For how many seconds since a moment a person was waited for, and whether one is now.
Asked = Callable[[datetime], tuple[float, bool]]


class CellTimeout:
    """The time limit of one cell. Asks about people only when it seems to be over."""

    def __init__(self, seconds: float | None, asked: Asked) -> None:
        """`seconds`: None: no limit."""
        self.seconds = seconds
        self._asked = asked
        self._since, self._begun = now(), monotonic()
        self._look_at = seconds or 0.0

    @property
    def is_due(self) -> bool:
        """Whether it is time to look. Asks nobody."""
        return self.seconds is not None and self._spent >= self._look_at

    def is_over(self) -> bool:
        """Whether the cell has taken longer. Asks the engine."""
        if not self.is_due or self.seconds is None:
            return False
        asked, is_now = self._asked(self._since)
        self._look_at = self._spent + LOOK_SECONDS if is_now else self.seconds + asked
        return self.is_due

    @property
    def _spent(self) -> float:
        return monotonic() - self._begun
