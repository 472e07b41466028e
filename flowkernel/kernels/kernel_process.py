"""The process of a forked kernel, for its owner: what `subprocess.Popen` is for a child."""

import os
import select
import signal
import threading
from contextlib import suppress
from subprocess import TimeoutExpired

from flowkernel.kernels.fork_server.wire import WireConnection

UNKNOWN = 1  #: The exit code of one whose fork server was gone when it ended.


class ForkedProcess:
    """Its parent is the fork server, which tells how it ended."""

    stdin = stdout = stderr = None  # As Popen has them: they are nobody's pipes.

    _lifeline = _pidfd = -1
    _line: WireConnection | None = None

    def __init__(self, pid: int, line: WireConnection, lifeline: int) -> None:
        """`lifeline`: closed with this process, and the kernel is killed.

        Raises:
            OSError, AttributeError: This system cannot watch a process that is no child.
        """
        self._lock = threading.RLock()
        self.pid = pid
        self.returncode: int | None = None
        self._line = line
        self._lifeline = lifeline
        self._pidfd = _pidfd(pid)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives. Safe in threads."""
        with self._lock, suppress(TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: It lives still, after `timeout` seconds.
        """
        if self.returncode is None and self._line is not None:
            if not self._line.has_news(timeout):
                raise TimeoutExpired("kernel", timeout or 0)
            message, _ = self._line.hear()
            self._line.close()
            self._line = None
            if message is not None:
                self._end(message["ended"])
        if self.returncode is None:  # The fork server is gone: ask the system.
            if not _has_ended(self._pidfd, timeout):
                raise TimeoutExpired("kernel", timeout or 0)
            self._end(UNKNOWN)
        assert self.returncode is not None
        return self.returncode

    def _end(self, code: int) -> None:
        self.returncode = code
        self.close()

    def send_signal(self, number: int) -> None:
        """Send it, and its children, a signal."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Let go of it: what lives of it and its children is killed."""
        with self._lock:
            files = (self._lifeline, self._pidfd)
            self._lifeline = self._pidfd = -1
            for file in files:
                if file >= 0:
                    os.close(file)
            if self._line is not None:
                self._line.close()
                self._line = None

    def __del__(self) -> None:
        self.close()


def _pidfd(pid: int) -> int:
    """A file that says when it ends; -1 if it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _has_ended(pidfd: int, seconds: float | None) -> bool:
    if pidfd < 0:
        return True
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
