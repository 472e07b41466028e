"""SIGTERM and SIGHUP for a person's own papermill: its run is recorded as cancelled.

Without us they end the process at once, so that nobody would know what became of the run.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have them interrupt what runs meanwhile; after that they end the process, as always.

    A program that handles them itself, or ignores them (`nohup`), continues to do so.
    """
    if current_thread() is not main_thread():
        yield
        return
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)  # A second one ends it at once.
        raise KeyboardInterrupt

    taken = [n for n in SIGNALS if signal.getsignal(n) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        for number in received:
            os.kill(os.getpid(), number)
