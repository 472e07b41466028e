"""What a command that starts a run does when it is interrupted, or ended by a supervisor.

Ctrl-C, and SIGTERM of `timeout`, systemd or Kubernetes, can come at any moment: before the run
exists, while it is being started, and while it is watched. Each time the person is told what is
known, or asked, and nothing runs that nobody knows of.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

NOTHING_STARTED = "Interrupted. Nothing was started."
MAYBE_STARTED = (
    "Interrupted while the run was being started. `flowkernel execution list` shows whether "
    "it was."
)


class Termination:
    """Whether this command was told to end, by SIGTERM or Ctrl-C.

    SIGHUP, of a terminal that is closed, ends the command as it always does: the run continues.
    """

    is_requested = False  #: By SIGTERM.
    is_interrupted = False  #: By Ctrl-C, while a run was being started.
    interrupts = False  #: Whether both interrupt the command: the run can be cancelled.
    #: Whether an engine may have the request that starts the run, also one that was killed.
    is_sent = False
    _is_held = False

    @property
    def sentence(self) -> str:
        """What an interrupt means before it is known whether the run was started."""
        return MAYBE_STARTED if self.is_sent else NOTHING_STARTED

    def hold(self) -> None:
        """From now on, until `interrupt`, the first signal waits: a run is being started."""
        self._is_held = True

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let both interrupt at once meanwhile: an engine is being started.

        Raises:
            KeyboardInterrupt: One came before.
        """
        is_held, self._is_held = self._is_held, False
        if self.is_interrupted or self.is_requested:
            raise KeyboardInterrupt(self.sentence)
        try:
            yield
        finally:
            self._is_held = is_held

    def interrupt(self) -> None:
        """From now on both interrupt the command; also one that came before.

        Raises:
            KeyboardInterrupt: It came before.
        """
        self.interrupts, self._is_held = True, False
        was_interrupted, self.is_interrupted = self.is_interrupted, False
        if self.is_requested or was_interrupted:
            raise KeyboardInterrupt

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        was_requested, self.is_requested = self.is_requested, True
        self._interrupt_now(is_second=was_requested)

    def _receive_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupt_now(is_second=self.is_interrupted)
        self.is_interrupted = True

    def _interrupt_now(self, *, is_second: bool) -> None:
        """Interrupt the command, unless the signal waits until the run is started."""
        if self.interrupts:
            raise KeyboardInterrupt
        if is_second or not self._is_held:
            raise KeyboardInterrupt(self.sentence)


@contextmanager
def interrupted_with(sentence: str) -> Iterator[None]:
    """Have an interrupt say what the engine has accepted already, or what goes on.

    Raises:
        KeyboardInterrupt: With the sentence.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(sentence) from None


@contextmanager
def termination() -> Iterator[Termination]:
    """Take SIGTERM and Ctrl-C meanwhile: a run is started, and cannot be cancelled yet."""
    request = Termination()
    if current_thread() is not main_thread():
        yield request
        return
    handlers = {signal.SIGTERM: request._receive}  # noqa: SLF001 (its own module)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # Not `nohup`.
        handlers[signal.SIGINT] = request._receive_interrupt  # noqa: SLF001
    previous = {number: signal.signal(number, h) for number, h in handlers.items()}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
