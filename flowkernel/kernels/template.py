"""The fork server: it has imported what a kernel needs, keeps a few kernels ready, and forks.

One thread, no event loop but its own: a fork must find nothing half done. It serves whoever
can open its socket, which only its user can, and leaves when nobody has needed it for a while.
"""

import gc
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NoReturn

from flowkernel.kernels.forked import FOLDER, become_kernel, parsed
from flowkernel.kernels.preload import changed_at, files_of, fork, preload
from flowkernel.kernels.wire import SECONDS, Line, Message

REFILL_SECONDS = (
    0.15  #: From when one was taken until the next is made: its cells come first.
)
IDLE_SECONDS = 60.0  #: Without a kernel or a client, until it leaves.
FAILURES = 3  #: Kernels in a row that ended before they were ready, until it gives up.


@dataclass(eq=False)
class Kernel:
    """A fork: on its way, ready, or somebody's."""

    pid: int
    line: Line
    connection: Message | None = None  #: None: on its way.
    owner: Line | None = None


@dataclass(eq=False)
class Order:
    """Somebody who waits for a kernel."""

    owner: Line
    message: Message
    files: list[int]


class Template:
    """The server. `serve` returns when it is time to leave."""

    def __init__(
        self, listener: socket.socket, asked: Message, refused: dict[str, str]
    ) -> None:
        self.asked = asked
        self.refused = refused
        self._listener = listener
        self._config = parsed(asked["arguments"])
        self._files = files_of(asked["preload"])
        self._kernels: dict[int, Kernel] = {}
        self._ready: deque[Kernel] = deque()
        self._orders: deque[Order] = deque()
        self._clients: set[Line] = set()
        self._failures = 0
        self._is_leaving = False
        self._refill_at = 0.0
        self._idle_since = monotonic()
        self._selector = selectors.DefaultSelector()
        self._bell, bell = socket.socketpair()
        for end in (self._bell, bell):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        self._bell_end = bell  # Kept open.
        self._watch(self._bell, self._on_bell)
        self._watch(listener, self._on_client)

    def serve(self) -> None:
        """Until nobody needs it."""
        while not self._is_over():
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._reap()
            self._refill()
        self._retire("it is about to leave")
        for kernel in self._ready:
            kill(kernel.pid)

    # -- when ------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        if self._clients or any(kernel.owner for kernel in self._kernels.values()):
            self._idle_since = monotonic()
            return False
        return self._is_leaving or monotonic() - self._idle_since > IDLE_SECONDS

    def _patience(self) -> float | None:
        """Seconds until something is to be done by itself; None: only when asked."""
        moments = []
        if not self._clients:
            moments.append(self._idle_since + IDLE_SECONDS + 0.1)
        if self._lacking > 0:
            moments.append(self._refill_at)
        return max(0.0, min(moments) - monotonic()) if moments else None

    @property
    def _coming(self) -> int:
        return sum(kernel.connection is None for kernel in self._kernels.values())

    @property
    def _lacking(self) -> int:
        """Kernels to be made."""
        if self._is_leaving:
            return 0
        wanted: int = self.asked["ready"] + len(self._orders)
        return wanted - len(self._ready) - self._coming

    def _refill(self) -> None:
        """Make one kernel, if there are too few; at once if somebody waits for it."""
        is_due = monotonic() >= self._refill_at or len(self._orders) > self._coming
        if self._lacking > 0 and is_due:
            if any(changed_at(file) != was for file, was in self._files.items()):
                self._retire("what it had imported changed on disk")
                return
            self._fork()

    def _retire(self, reason: str) -> None:
        """Take no more orders: the next client starts another fork server."""
        if not self._is_leaving:  # Another one may have its place by now.
            Path(self.asked["socket"]).unlink(missing_ok=True)
        self._is_leaving = True
        while self._orders:
            self._refuse(self._orders.popleft(), reason)

    # -- kernels ---------------------------------------------------------------------------

    def _fork(self) -> None:
        ours, theirs = socket.socketpair()
        pid = fork()
        if pid == 0:
            self._become(theirs)
        theirs.close()
        ours.settimeout(SECONDS)
        kernel = Kernel(pid, Line(ours))
        self._kernels[pid] = kernel
        self._watch(ours, lambda: self._on_kernel(kernel))

    def _become(self, theirs: socket.socket) -> NoReturn:
        try:
            become_kernel(Line(theirs), self.asked["arguments"], self._config)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)

    def _on_kernel(self, kernel: Kernel) -> None:
        """It is ready; or it is taken and tells its owner so, or why not."""
        message, _ = kernel.line.hear()
        if message is None:
            self._forget(kernel.line)
            return
        if "ready" in message:
            kernel.connection = message["ready"]
            self._failures = 0
            self._ready.append(kernel)
            self._hand_out()
        elif kernel.owner is not None:
            told = {"pid": kernel.pid, "connection": kernel.connection}
            self._tell(kernel.owner, told if "taken" in message else message)
            self._forget(kernel.line)

    def _hand_out(self) -> None:
        while self._ready and self._orders:
            kernel, order = self._ready.popleft(), self._orders.popleft()
            try:
                kernel.line.tell(order.message, tuple(order.files))
            except (
                OSError
            ):  # It died a moment ago; or else it shall, for it heard half.
                kill(kernel.pid)
                self._orders.appendleft(order)
                continue
            close(order.files)
            kernel.owner = order.owner
            self._refill_at = monotonic() + REFILL_SECONDS

    def _reap(self) -> None:
        while self._kernels:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            kernel = self._kernels.pop(pid, None)
            if kernel is not None:
                self._bury(kernel, os.waitstatus_to_exitcode(status))

    def _bury(self, kernel: Kernel, code: int) -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}{kernel.pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)
        if kernel in self._ready:
            self._ready.remove(kernel)
        if kernel.owner is not None:
            self._tell(kernel.owner, {"ended": code})
        elif kernel.connection is None:
            self._failures += 1
            if self._failures >= FAILURES:
                self._retire(f"its kernels end as they start (exit code {code})")

    # -- clients ---------------------------------------------------------------------------

    def _on_client(self) -> None:
        end, _ = self._listener.accept()
        end.settimeout(SECONDS)
        line = Line(end)
        self._clients.add(line)
        self._watch(end, lambda: self._on_request(line))

    def _on_request(self, line: Line) -> None:
        while True:
            try:
                message, files = line.hear()
            except (
                OSError,
                ValueError,
            ):  # It stopped in the middle, or speaks otherwise.
                message, files = None, []
            if message is None:
                self._clients.discard(line)
                self._orders = deque(o for o in self._orders if o.owner is not line)
                self._forget(line)
                return
            if "take" in message and not self._is_leaving:
                self._orders.append(Order(line, message["take"], files))
                self._hand_out()
            elif "take" in message:
                self._refuse(Order(line, message, files), "it is about to leave")
            else:
                self._tell(line, self._about())
            if not line.has_message:
                return

    def _about(self) -> Message:
        owned = sum(kernel.owner is not None for kernel in self._kernels.values())
        return {
            "pid": os.getpid(),
            "ready": len(self._ready),
            "taken": owned,
            "preload": [n for n in self.asked["preload"] if n not in self.refused],
            "refused": self.refused,
        }

    def _refuse(self, order: Order, reason: str) -> None:
        close(order.files)
        self._tell(order.owner, {"refused": reason})

    def _tell(self, line: Line, message: Message) -> None:
        try:
            line.tell(message)
        except OSError:  # Nobody listens any more.
            pass

    # -- sockets ---------------------------------------------------------------------------

    def _watch(self, end: socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(end, selectors.EVENT_READ, then)

    def _forget(self, line: Line) -> None:
        if line.socket.fileno() >= 0:
            self._selector.unregister(line.socket)
            line.close()

    def _on_bell(self) -> None:
        try:
            while self._bell.recv(4096):
                pass
        except BlockingIOError:
            pass


def close(files: list[int]) -> None:
    """Close our copies of files that were passed on."""
    for file in files:
        os.close(file)


def kill(pid: int) -> None:
    """End a fork that nobody has taken."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def main(text: str, told: int) -> None:
    """Serve as the JSON `text` says; say over the file `told` once that is possible."""
    asked = json.loads(text)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path = Path(asked["socket"])
    try:
        refused = preload(asked["preload"])
    except BaseException as error:
        os.write(
            told, json.dumps({"refused": f"{type(error).__name__}: {error}"}).encode()
        )
        raise
    for name, reason in refused.items():
        sys.stderr.write(f"{name} is not preloaded: {reason}\n")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(128)
    template = Template(listener, asked, refused)
    gc.collect()
    gc.freeze()  # What is here now is never collected, so its pages stay shared.
    os.write(told, json.dumps({"listening": os.getpid(), "refused": refused}).encode())
    os.close(told)
    template.serve()
