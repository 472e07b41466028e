"""The kernel of a run that has ended, kept for people."""

import threading
from collections.abc import Callable

from flowkernel.core.clock import monotonic
from flowkernel.core.models import EventKind
from flowkernel.worker.reporting.execution_session import (
    CHECK_SECONDS,
    ExecutionSession,
)


class KeptKernel:
    """Kept by the thread of its run, until it is released, or ends by itself.

    The thread that polls the engine releases it: because a person said so, or as it is over
    the limits of parked kernels.
    """

    def __init__(self, session: ExecutionSession) -> None:
        self.execution_id, self.attempt = session.execution_id, session.attempt
        self._session = session
        self._since = monotonic()
        self._lock = threading.Lock()
        self._released = threading.Event()

    @property
    def parked_seconds(self) -> float:
        """Seconds since it is kept."""
        return monotonic() - self._since

    def kernel_memory(self) -> int:
        """Bytes that only it and its children use; 0 if that is not known."""
        return self._session.kernel_memory()

    def release_kernel(self, reason: str | None = None) -> None:
        """Have it ended; the first call counts.

        Args:
            reason: What is reported; None: the engine has said it, or is gone.
        """
        with self._lock:
            if reason is not None and not self._released.is_set():
                self._session.report(EventKind.KERNEL_LOST, why=reason)
            self._released.set()

    def wait(self, on_check: Callable[[], None]) -> None:
        """Keep it. `on_check` is called about once a second."""
        while self._session.is_kernel_alive:
            if self._released.wait(CHECK_SECONDS):
                return
            on_check()
        self.release_kernel("Its kernel ended.")
