"""The client of the magics: it says to a person that the engine does not answer at once."""

import sys
import threading
from typing import Any

from flowkernel.client.client import ANSWER_SECONDS, Client
from flowkernel.client.starter_name import starter_name
from flowkernel.core.clock import monotonic
from flowkernel.core.models import Json
from flowkernel.home import EngineFile
from flowkernel.magics.channel import NOTEBOOK

#: How long a response takes before a person is told that the cell waits for it.
SLOW_SECONDS = 0.4
REPEAT_SECONDS = 30.0  #: After that it is said again.


class NotebookClient(Client):
    """Says in the output of a cell, or on the terminal, what it waits for.

    Only a person is told, and only by the thread that runs the cell.
    """

    def __init__(self) -> None:
        super().__init__()
        self.started_by = starter_name(NOTEBOOK, self.home)
        self._timer: threading.Timer | None = None
        self._last_said = -REPEAT_SECONDS  #: On the clock of `monotonic`.

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """As that of `Client`."""
        is_main = threading.current_thread() is threading.main_thread()
        if self.channel is None or not is_main:
            return super().request(method, path, body, seconds=seconds)
        self._timer = timer = threading.Timer(SLOW_SECONDS, self._say)
        timer.daemon = True
        timer.start()
        try:
            return super().request(method, path, body, seconds=seconds)
        finally:
            timer.cancel()

    def ensure_engine(self) -> EngineFile:
        """As that of `Client`, which says itself that it starts."""
        if self._timer is not None:
            self._timer.cancel()
        return super().ensure_engine()

    def _say(self) -> None:
        if monotonic() - self._last_said >= REPEAT_SECONDS:
            self._last_said = monotonic()
            sys.stdout.write("Waiting for the engine ...\n")
            sys.stdout.flush()
