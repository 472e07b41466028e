"""What `flowkernel run` does when a supervisor ends it: `timeout`, systemd, Kubernetes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class Termination:
    """Whether this command was told to end, by SIGTERM.

    SIGHUP, of a terminal that is closed, ends the command as it always does: the run continues.
    """

    is_requested = False
    interrupts = False  #: Whether it interrupts the command.

    def interrupt(self) -> None:
        """From now on it interrupts the command, as Ctrl-C does; also one that came before.

        Raises:
            KeyboardInterrupt: It came before.
        """
        self.interrupts = True
        if self.is_requested:
            raise KeyboardInterrupt

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.is_requested = True
        if self.interrupts:
            raise KeyboardInterrupt


@contextmanager
def termination() -> Iterator[Termination]:
    """Take SIGTERM meanwhile: a run is being started, and nothing can be cancelled yet."""
    request = Termination()
    if current_thread() is not main_thread():
        yield request
        return
    previous = signal.signal(signal.SIGTERM, request._receive)  # noqa: SLF001 (its own module)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, previous)
