"""The process of a forked kernel, for its owner: like `subprocess.Popen` for a child."""

import os
import select
import signal
import threading
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from weakref import WeakSet

from flowkernel.kernels.fork_server.wire import WireConnection

#: The exit code if the fork server was gone when the kernel ended.
UNKNOWN_EXIT_CODE = 1
#: Of `/proc/PID/stat`, counted from the one behind the name.
START_FIELD = 19


class ForkedProcess:
    """A forked kernel. Its parent is the fork server, which reports the exit code.

    It takes two files of its owner. A third watches the process if its fork server is gone.
    """

    stdin = stdout = stderr = None  # As Popen has them without pipes.

    _lifeline = -1
    _pidfd: int | None = None  #: None: the fork server reports its end.
    _wire: WireConnection | None = None

    def __init__(self, pid: int, wire: WireConnection, lifeline: int) -> None:
        """Watch a kernel.

        Args:
            pid: Of the kernel.
            wire: The connection to its fork server; closed with this object.
            lifeline: A file. When it is closed, by `close` or by the end of this process, the
                system kills the kernel.

        Raises:
            OSError, AttributeError: The system cannot watch a process that is not a child.
        """
        self._lock = threading.RLock()
        _owned.add(self)
        self.pid = pid
        self.returncode: int | None = None
        self._wire = wire
        self._lifeline = lifeline
        self._started_at = _started_at(pid)
        _close(_open_pidfd(pid))  # Whether the system can do it.

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs. Safe in threads."""
        with self._lock, suppress(TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: It still runs after `timeout` seconds.
        """
        if self.returncode is None and self._wire is not None:
            if not self._wire.has_input(timeout):
                raise TimeoutExpired("kernel", timeout or 0)
            message, _ = self._wire.receive()
            self._wire.close()
            self._wire = None
            if message is not None:
                self._end(message["ended"])
        if self.returncode is None:  # The fork server is gone: ask the system.
            if not _has_ended(self._watched_pidfd(), timeout):
                raise TimeoutExpired("kernel", timeout or 0)
            self._end(UNKNOWN_EXIT_CODE)
        assert self.returncode is not None
        return self.returncode

    def _watched_pidfd(self) -> int:
        """A file that becomes readable when it ends; -1 if it has ended."""
        if self._pidfd is None:
            self._pidfd = _open_pidfd(self.pid)
            if (
                _started_at(self.pid) != self._started_at
            ):  # Another one has its pid now.
                _close(self._pidfd)
                self._pidfd = -1
        return self._pidfd

    def _end(self, code: int) -> None:
        self.returncode = code
        self.close()

    def send_signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the lifeline and the connection: the kernel and its children are killed."""
        with self._lock:
            files = (self._lifeline, self._pidfd)
            self._lifeline = self._pidfd = -1
            for file in files:
                _close(file)
            if self._wire is not None:
                self._wire.close()
                self._wire = None

    def disown(self) -> None:
        """In a fork of the owner: close what only the owner may hold."""
        self._lock = threading.RLock()  # A thread may have held it.
        self.close()
        self._pidfd = None  # It may still run.

    def __del__(self) -> None:
        self.close()


#: The kernels of this process.
_owned: WeakSet[ForkedProcess] = WeakSet()


def _disown_all() -> None:
    """In a fork: the kernels belong to the parent, and end with it."""
    for process in list(_owned):
        process.disown()
    _owned.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=_disown_all)


def _open_pidfd(pid: int) -> int:
    """A file that becomes readable when the process ends; -1 if it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return -1


def _close(file: int | None) -> None:
    if file is not None and file >= 0:
        os.close(file)


def _started_at(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[START_FIELD]


def _has_ended(pidfd: int, seconds: float | None) -> bool:
    if pidfd < 0:
        return True
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
