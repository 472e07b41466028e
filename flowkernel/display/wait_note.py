"""A line on the terminal of a person that says what a command waits for, and how long."""

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from flowkernel.core.clock import monotonic
from flowkernel.core.text import for_encoding
from flowkernel.display.live_terminal import can_redraw, write

TICK_SECONDS = 1.0  #: Between two drawings: the seconds grow.
CLEAR = "\r\x1b[K"  #: Removes the line on which the cursor is.


class WaitNote:
    """Draws one line, and removes it when the wait is over; without a person, nothing.

    The innermost of several waits is shown. What other threads wait for is not.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream`: default standard error, so that the output of a command stays its own."""
        self._stream = stream or sys.stderr
        self._lock = threading.RLock()
        self._waits: list[_Wait] = []
        self._is_drawn = False
        self.is_on = self._stream is not None and can_redraw(self._stream)

    @contextmanager
    def shown(self, text: str, *, delay: float = 0.0) -> Iterator[None]:
        """Show the text while the block runs, from `delay` seconds on."""
        if not self.is_on or threading.current_thread() is not threading.main_thread():
            yield
            return
        wait = _Wait(text, monotonic() + delay)
        self._waits.append(wait)
        threading.Thread(target=self._draw_often, args=[wait], daemon=True).start()
        try:
            yield
        finally:
            self._end(wait)

    def say(self, sentence: str) -> None:
        """Write a sentence that stays, above the line."""
        with self._lock:
            self._clear()
            write(sentence, self._stream)

    def close(self) -> None:
        """Show nothing from now on: another display has the terminal."""
        with self._lock:
            self.is_on = False
            self._clear()

    def _draw_often(self, wait: "_Wait") -> None:
        pause = wait.begins_at - monotonic()
        while not wait.is_over.wait(max(0.0, pause)):
            with self._lock, suppress(OSError, ValueError):  # A terminal that is gone.
                if self.is_on and not wait.is_over.is_set() and self._waits[-1] is wait:
                    self._draw(wait)
            pause = TICK_SECONDS

    def _draw(self, wait: "_Wait") -> None:
        seconds = int(monotonic() - wait.begins_at)
        text = f"{wait.text} ... {seconds} s" if seconds else f"{wait.text} ..."
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(CLEAR + for_encoding(text, self._stream.encoding)[:width])
        self._stream.flush()
        self._is_drawn = True

    def _end(self, wait: "_Wait") -> None:
        wait.is_over.set()
        with self._lock:
            self._waits.remove(wait)
            self._clear()

    def _clear(self) -> None:
        if self._is_drawn:
            with suppress(OSError, ValueError):
                self._stream.write(CLEAR)
                self._stream.flush()
            self._is_drawn = False


class _Wait:
    """One thing that is waited for."""

    def __init__(self, text: str, begins_at: float) -> None:
        self.text = text
        self.begins_at = begins_at  #: On the clock of `monotonic`.
        self.is_over = threading.Event()
