"""The fork server: it has imported what a kernel needs, keeps a few kernels ready, and forks.

One thread, no event loop but its own: a fork must find nothing half done. It serves whoever
can open its socket, which only its user can, and leaves when nobody has needed it for a while.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from flowkernel.kernels.fork_server.child import (
    FOLDER,
    CannotFork,
    become_kernel,
    prepared,
)
from flowkernel.kernels.fork_server.ipython_config import files
from flowkernel.kernels.fork_server.preload import changed_at, fork, preload
from flowkernel.kernels.fork_server.socket_folders import remove_abandoned
from flowkernel.kernels.fork_server.wire import (
    MOST_FILES,
    SECONDS,
    Message,
    WireConnection,
    close,
)

REFILL_SECONDS = (
    0.15  #: From when one was taken until the next is made: its cells come first.
)
IDLE_SECONDS = 60.0  #: Without a kernel or a client, until it leaves.
FAILURES = 3  #: Kernels in a row that ended before they were ready, until it gives up.


@dataclass(eq=False)
class ForkedKernel:
    """A fork: on its way, ready, or somebody's."""

    pid: int
    line: WireConnection
    connection: Message | None = None  #: None: on its way.
    owner: WireConnection | None = None


@dataclass(eq=False)
class KernelRequest:
    """Somebody who waits for a kernel."""

    owner: WireConnection
    message: Message
    files: list[int]


class ForkServer:
    """The server. `serve` returns when it is time to leave."""

    def __init__(
        self,
        listener: socket.socket,
        asked: Message,
        refused: dict[str, str],
        app: Any,
    ) -> None:
        self.asked = asked
        self.refused = refused
        self._listener = listener
        self._app = app
        self._place = os.stat(asked["socket"]).st_ino
        self._watched = {file: changed_at(file) for file in asked["watched"]}
        self._kernels: dict[int, ForkedKernel] = {}
        self._ready: deque[ForkedKernel] = deque()
        self._orders: deque[KernelRequest] = deque()
        self._clients: set[WireConnection] = set()
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
        while any(kernel.owner is None for kernel in self._kernels.values()):
            self._selector.select()
            self._on_bell()
            self._reap()

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
        if self._lacking > 0 and is_due and self._is_current():
            self._fork()

    def _is_current(self) -> bool:
        """Whether what is imported here is what lies on disk; if not, this one leaves."""
        if any(changed_at(file) != was for file, was in self._watched.items()):
            self._retire("what it had imported changed on disk")
        return not self._is_leaving

    def _retire(self, reason: str) -> None:
        """Take no more orders: the next client starts another fork server."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._vacate()
        self._forget_listener()
        while self._orders:
            self._refuse(self._orders.popleft(), reason)
        owners = {kernel.owner for kernel in self._kernels.values()}
        for line in self._clients - owners:
            self._drop(line)
        for kernel in self._kernels.values():
            if kernel.owner is None:
                kill(kernel.pid)

    def _vacate(self) -> None:
        """Remove our socket and what lies beside it, unless another server has the place."""
        path = Path(self.asked["socket"])
        try:
            if path.stat().st_ino == self._place:
                path.unlink()
                path.with_suffix(".lock").unlink(missing_ok=True)
                if path.with_suffix(".log").stat().st_size == 0:
                    path.with_suffix(".log").unlink()
        except OSError:
            pass

    def _forget_listener(self) -> None:
        self._selector.unregister(self._listener)
        self._listener.close()

    # -- kernels ---------------------------------------------------------------------------

    def _fork(self) -> None:
        ours, theirs = socket.socketpair()
        pid = fork()
        if pid == 0:
            self._become(theirs)
        theirs.close()
        ours.settimeout(SECONDS)
        kernel = ForkedKernel(pid, WireConnection(ours))
        self._kernels[pid] = kernel
        self._watch(ours, lambda: self._on_kernel(kernel))

    def _become(self, theirs: socket.socket) -> NoReturn:
        try:
            become_kernel(WireConnection(theirs), self.asked["arguments"], self._app)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)

    def _on_kernel(self, kernel: ForkedKernel) -> None:
        """It is ready; or it is taken and tells its owner so, or why not."""
        message, _ = kernel.line.hear()
        if message is None:
            self._forget(kernel.line)
            return
        if "ready" in message:
            kernel.connection = message["ready"]
            self._failures = 0
            if not self._is_leaving:
                self._ready.append(kernel)
                self._hand_out()
        elif kernel.owner is not None:
            told = {"pid": kernel.pid, "connection": kernel.connection}
            self._tell(kernel.owner, told if "taken" in message else message)
            self._forget(kernel.line)

    def _hand_out(self) -> None:
        while self._ready and self._orders and self._is_current():
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

    def _bury(self, kernel: ForkedKernel, code: int) -> None:
        if (
            kernel.owner not in self._clients
        ):  # Else the folder is theirs: for a restart.
            for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}{kernel.pid}-*"):
                remove_abandoned(folder, spared=0.0)
        if kernel in self._ready:
            self._ready.remove(kernel)
        if kernel.owner is not None:
            self._tell(kernel.owner, {"ended": code})
        elif kernel.connection is None and not self._is_leaving:
            self._failures += 1
            if self._failures >= FAILURES:
                self._retire(f"its kernels end as they start (exit code {code})")

    # -- clients ---------------------------------------------------------------------------

    def _on_client(self) -> None:
        try:
            end, _ = self._listener.accept()
        except ConnectionError:  # It left again.
            return
        except OSError as error:  # No more files, say.
            self._retire(str(error))
            return
        end.setblocking(False)
        line = WireConnection(end)
        self._clients.add(line)
        self._watch(end, lambda: self._on_request(line))

    def _on_request(self, line: WireConnection) -> None:
        """Take in what has come, which may be half a message: nobody is waited for."""
        try:
            is_there = line.take_in()
            while line.has_message and line in self._clients:
                message, files = line.hear()
                self._answer(line, message or {}, files)
        except BlockingIOError:
            return
        except (OSError, ValueError):  # It speaks otherwise.
            is_there = False
        if not is_there:
            self._drop(line)

    def _answer(self, line: WireConnection, message: Message, files: list[int]) -> None:
        if "take" in message and len(files) == MOST_FILES and not self._is_leaving:
            self._orders.append(KernelRequest(line, message["take"], files))
            self._hand_out()
        elif "take" in message:
            self._refuse(KernelRequest(line, message, files), "it is about to leave")
        else:
            close(files)
            self._tell(line, self._about())

    def _drop(self, line: WireConnection) -> None:
        """It is gone, or shall be: nothing is due to it."""
        self._clients.discard(line)
        for order in [order for order in self._orders if order.owner is line]:
            self._orders.remove(order)
            close(order.files)
        self._forget(line)

    def _about(self) -> Message:
        owned = sum(kernel.owner is not None for kernel in self._kernels.values())
        return {
            "pid": os.getpid(),
            "interpreter": sys.executable,
            "ready": len(self._ready),
            "taken": owned,
            "preload": [n for n in self.asked["preload"] if n not in self.refused],
            "refused": self.refused,
        }

    def _refuse(self, order: KernelRequest, reason: str) -> None:
        close(order.files)
        self._tell(order.owner, {"refused": reason})

    def _tell(self, line: WireConnection, message: Message) -> None:
        try:
            line.tell(message)
        except OSError:  # Nobody listens any more, or at all.
            self._drop(line)

    # -- sockets ---------------------------------------------------------------------------

    def _watch(self, end: socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(end, selectors.EVENT_READ, then)

    def _forget(self, line: WireConnection) -> None:
        if line.socket.fileno() >= 0:
            self._selector.unregister(line.socket)
            line.close()

    def _on_bell(self) -> None:
        try:
            while self._bell.recv(4096):
                pass
        except BlockingIOError:
            pass


def kill(pid: int) -> None:
    """End a fork that nobody has taken."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main(text: str, told: int) -> None:
    """Serve as the JSON `text` says; say over the file `told` once that is possible."""
    asked = json.loads(text)
    os.set_inheritable(told, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        refused, asked["watched"] = preload(asked["preload"], asked["arguments"])
        os.chdir("/")  # The folder we were started in is nobody's business any more.
        app = prepared(asked["arguments"])
    except CannotFork as error:
        tell(told, {"refused": str(error)})
        return
    except BaseException as error:
        tell(told, {"refused": f"{type(error).__name__}: {error}"})
        raise
    asked["watched"] += [str(path) for path in files(app)]
    for name, reason in refused.items():
        sys.stderr.write(f"{name} is not preloaded: {reason}\n")
    template = ForkServer(listen(Path(asked["socket"])), asked, refused, app)
    gc.collect()
    gc.freeze()  # What is here now is never collected, so its pages stay shared.
    tell(told, {"listening": os.getpid(), "refused": refused})
    template.serve()


def tell(told: int, message: Message) -> None:
    """Answer whoever started us, if they still wait."""
    with suppress(OSError), open(told, "wb") as answer:
        answer.write(json.dumps(message).encode())


def listen(path: Path) -> socket.socket:
    """A socket that its user alone can open."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    listener.bind(str(path))
    os.umask(mask)
    listener.listen(128)
    return listener
