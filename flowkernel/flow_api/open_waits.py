"""The waits of a flow's process, numbered: the engine tells by them which are over."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flowkernel.core.clock import new_id
from flowkernel.core.models import Json
from flowkernel.core.per_process import PerProcess


class OpenWaits:
    """The waits of one process that are under way; several threads may wait."""

    def __init__(self) -> None:
        self._process = new_id()
        self._last = 0
        self._open: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def begin(self) -> Iterator[int]:
        """A wait, for the time of a `with`; its number."""
        with self._lock:
            self._last += 1
            number = self._last
            self._open.add(number)
        try:
            yield number
        finally:
            with self._lock:
                self._open.discard(number)

    def mark(self, number: int) -> dict[str, Json]:
        """What a request says of its wait."""
        with self._lock:
            oldest = min(self._open, default=number)
        return {"process": self._process, "number": number, "oldest": oldest}


#: Those of this process. One that was forked begins with none.
open_waits = PerProcess(OpenWaits)
