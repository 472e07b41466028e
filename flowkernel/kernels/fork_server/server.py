"""The fork server: it imported what a kernel needs, keeps some kernels ready, and forks more.

It has one thread and a simple event loop, as a fork must not find anything half done. Every
process that can open its socket is a client, which only its user can. It ends when it has had
no client and no kernel for a while, or when a file that it imported has changed.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from flowkernel.core.open_files import raise_limit
from flowkernel.kernels.fork_server.child import become_kernel
from flowkernel.kernels.fork_server.ipython_config import config_files
from flowkernel.kernels.fork_server.kernel_app import CannotFork, prepare_app
from flowkernel.kernels.fork_server.preload import changed_at, fork, preload
from flowkernel.kernels.fork_server.socket_folders import remove_folders_of
from flowkernel.kernels.fork_server.wire import (
    MAX_FILES,
    TIMEOUT,
    Message,
    WireConnection,
    close_files,
)

#: Seconds from giving a kernel away until the next is forked: its cells run first.
REFILL_SECONDS = 0.15
IDLE_SECONDS = 60.0  #: Without a kernel or a client, until the server ends.
MAX_FAILURES = 3  #: Kernels in a row that ended before they were ready, inclusive.


@dataclass(eq=False)
class ForkedKernel:
    """A forked process: it is starting, ready, or has an owner."""

    pid: int
    wire: WireConnection
    #: How clients connect, and its language; None: it is starting.
    description: Message | None = None
    owner: WireConnection | None = None


@dataclass(eq=False)
class KernelRequest:
    """A client's request for a kernel."""

    owner: WireConnection
    message: Message
    files: list[int]


class ForkServer:
    """The server. `serve` returns when it is time to end.

    `settings`: `socket` (its path), `arguments` (of ipykernel), `preload` (modules), `ready`
    (kernels kept ready), `watched` (files that must not change). `refused`: why some modules
    are not imported, by name.
    """

    def __init__(
        self,
        listener: socket.socket,
        settings: Message,
        refused: dict[str, str],
        app: Any,
    ) -> None:
        self.settings = settings
        self.refused = refused
        self._listener = listener
        self._app = app
        self._socket_inode = os.stat(settings["socket"]).st_ino
        self._watched = {file: changed_at(file) for file in settings["watched"]}
        self._kernels: dict[int, ForkedKernel] = {}
        self._ready: deque[ForkedKernel] = deque()
        self._requests: deque[KernelRequest] = deque()
        self._clients: set[WireConnection] = set()
        self._failures = 0
        self._is_ending = False
        self._refill_at = 0.0
        self._idle_since = monotonic()
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._watch_children()
        self._watch(listener, self._on_client)

    def serve(self) -> None:
        """Serve until it is no longer needed."""
        while not self._is_over():
            for key, _ in self._selector.select(self._select_timeout()):
                key.data()
            self._reap()
            self._refill()
        self._retire("it is about to end")
        while any(kernel.owner is None for kernel in self._kernels.values()):
            self._selector.select()
            self._on_wakeup()
            self._reap()

    # -- when ------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        if self._clients or any(kernel.owner for kernel in self._kernels.values()):
            self._idle_since = monotonic()
            return False
        return self._is_ending or monotonic() - self._idle_since > IDLE_SECONDS

    def _select_timeout(self) -> float | None:
        """Seconds until there is something to do by itself; None: only on request."""
        moments = []
        if not self._clients:
            moments.append(self._idle_since + IDLE_SECONDS + 0.1)
        if self._missing_count > 0:
            moments.append(self._refill_at)
        return max(0.0, min(moments) - monotonic()) if moments else None

    @property
    def _starting_count(self) -> int:
        return sum(kernel.description is None for kernel in self._kernels.values())

    @property
    def _missing_count(self) -> int:
        """How many kernels are to be forked."""
        if self._is_ending:
            return 0
        target: int = self.settings["ready"] + len(self._requests)
        return target - len(self._ready) - self._starting_count

    def _refill(self) -> None:
        """Fork one kernel, if there are too few; at once if a client waits for it.

        Another one is checked when a client gets it.
        """
        is_urgent = len(self._requests) > self._starting_count
        is_due = self._is_current() if is_urgent else monotonic() >= self._refill_at
        if is_due and self._missing_count > 0:
            self._fork()

    def _is_current(self) -> bool:
        """Whether no imported file has changed on disk; if one has, the server retires."""
        if any(changed_at(file) != moment for file, moment in self._watched.items()):
            self._retire("what it had imported changed on disk")
        return not self._is_ending

    def _retire(self, reason: str) -> None:
        """Accept no more requests: the next client starts another fork server."""
        if self._is_ending:
            return
        self._is_ending = True
        self._remove_socket()
        self._selector.unregister(self._listener)
        self._listener.close()
        while self._requests:
            self._refuse(self._requests.popleft(), reason)
        owners = {kernel.owner for kernel in self._kernels.values()}
        for wire in self._clients - owners:
            self._drop(wire)
        for kernel in self._kernels.values():
            if kernel.owner is None:
                kill(kernel.pid)

    def _remove_socket(self) -> None:
        """Remove the socket, its lock and an empty log, unless another server has them."""
        path = Path(self.settings["socket"])
        try:
            if path.stat().st_ino == self._socket_inode:
                path.unlink()
                path.with_suffix(".lock").unlink(missing_ok=True)
                if path.with_suffix(".log").stat().st_size == 0:
                    path.with_suffix(".log").unlink()
        except OSError:
            pass

    # -- kernels ---------------------------------------------------------------------------

    def _fork(self) -> None:
        own_end, child_end = socket.socketpair()
        pid = fork()
        if pid == 0:
            self._become_kernel(child_end)
        child_end.close()
        own_end.settimeout(TIMEOUT)
        kernel = ForkedKernel(pid, WireConnection(own_end))
        self._kernels[pid] = kernel
        self._watch(own_end, lambda: self._on_kernel(kernel))

    def _become_kernel(self, end: socket.socket) -> NoReturn:
        try:
            become_kernel(WireConnection(end), self.settings["arguments"], self._app)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(1)

    def _on_kernel(self, kernel: ForkedKernel) -> None:
        """A kernel is ready; or it says whether it accepts the request of its owner."""
        message, _ = kernel.wire.receive()
        if message is None:
            self._close(kernel.wire)
            return
        if "ready" in message:
            kernel.description = message["ready"]
            self._failures = 0
            if not self._is_ending:
                self._ready.append(kernel)
                self._assign_ready()
        elif kernel.owner is not None:
            accepted = {"pid": kernel.pid, **(kernel.description or {})}
            self._send(kernel.owner, accepted if "taken" in message else message)
            self._close(kernel.wire)

    def _assign_ready(self) -> None:
        """Give ready kernels to the clients that wait for one."""
        while self._ready and self._requests and self._is_current():
            kernel, request = self._ready.popleft(), self._requests.popleft()
            try:
                kernel.wire.send(request.message, tuple(request.files))
            except OSError:  # It has just died, or it received a part only.
                kill(kernel.pid)
                self._requests.appendleft(request)
                continue
            close_files(request.files)
            kernel.owner = request.owner
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
                self._on_exit(kernel, os.waitstatus_to_exitcode(status))

    def _on_exit(self, kernel: ForkedKernel, code: int) -> None:
        # An owner may need the folder to restart.
        if kernel.owner not in self._clients:
            remove_folders_of(kernel.pid)
        if kernel in self._ready:
            self._ready.remove(kernel)
        if kernel.owner is not None:
            while kernel.wire.is_open and kernel.wire.has_input(0):
                self._on_kernel(kernel)  # Why it refused the request, before its end.
            self._send(kernel.owner, {"ended": code})
        elif kernel.description is None and not self._is_ending:
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                self._retire(f"its kernels end as they start (exit code {code})")

    # -- clients ---------------------------------------------------------------------------

    def _on_client(self) -> None:
        try:
            end, _ = self._listener.accept()
        except ConnectionError:  # The client has left again.
            return
        except OSError as error:  # For one: too many open files.
            self._retire(str(error))
            return
        end.setblocking(False)
        wire = WireConnection(end)
        self._clients.add(wire)
        self._watch(end, lambda: self._on_request(wire))

    def _on_request(self, wire: WireConnection) -> None:
        """Read what has come, which may be a part of a message: it never waits."""
        try:
            is_open = wire.read_available()
            while wire.has_message and wire in self._clients:
                message, files = wire.receive()
                self._handle(wire, message or {}, files)
        except BlockingIOError:
            return
        except (OSError, ValueError):  # It is not a client of ours.
            is_open = False
        if not is_open:
            self._drop(wire)

    def _handle(self, wire: WireConnection, message: Message, files: list[int]) -> None:
        if "take" in message and len(files) == MAX_FILES and not self._is_ending:
            self._requests.append(KernelRequest(wire, message["take"], files))
            self._assign_ready()
        elif "take" in message:
            self._refuse(KernelRequest(wire, message, files), "it is about to end")
        else:
            close_files(files)
            self._send(wire, self._status())

    def _drop(self, wire: WireConnection) -> None:
        """Forget a client and its requests, and close the connection."""
        self._clients.discard(wire)
        for request in [item for item in self._requests if item.owner is wire]:
            self._requests.remove(request)
            close_files(request.files)
        self._close(wire)

    def _status(self) -> Message:
        owned = sum(kernel.owner is not None for kernel in self._kernels.values())
        return {
            "pid": os.getpid(),
            "interpreter": sys.executable,
            "ready": len(self._ready),
            "taken": owned,
            "preload": [n for n in self.settings["preload"] if n not in self.refused],
            "refused": self.refused,
        }

    def _refuse(self, request: KernelRequest, reason: str) -> None:
        close_files(request.files)
        self._send(request.owner, {"refused": reason})

    def _send(self, wire: WireConnection, message: Message) -> None:
        try:
            wire.send(message)
        except OSError:  # The client has left, or does not read.
            self._drop(wire)

    # -- sockets ---------------------------------------------------------------------------

    def _watch(self, end: socket.socket, callback: Callable[[], None]) -> None:
        self._selector.register(end, selectors.EVENT_READ, callback)

    def _close(self, wire: WireConnection) -> None:
        if wire.is_open:
            self._selector.unregister(wire.socket)
            wire.close()

    def _watch_children(self) -> None:
        """Wake the event loop when a kernel ends."""
        for end in (self._wakeup, self._wakeup_writer):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._watch(self._wakeup, self._on_wakeup)

    def _on_wakeup(self) -> None:
        with suppress(BlockingIOError):
            while self._wakeup.recv(4096):
                pass


def kill(pid: int) -> None:
    """End a kernel that has no owner."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main(text: str, reply_file: int) -> None:
    """Serve with the settings in the JSON `text`; reply over a file when it is ready."""
    settings = json.loads(text)
    raise_limit(settings["open_files"])
    os.set_inheritable(reply_file, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        refused, watched = preload(settings["preload"], settings["arguments"])
        os.chdir("/")  # Do not keep the folder in which it was started in use.
        app = prepare_app(settings["arguments"])
    except CannotFork as error:
        reply(reply_file, {"refused": str(error)})
        return
    except BaseException as error:
        reply(reply_file, {"refused": f"{type(error).__name__}: {error}"})
        raise
    settings["watched"] = [*watched, *map(str, config_files(app))]
    for name, reason in refused.items():
        sys.stderr.write(f"{name} is not preloaded: {reason}\n")
    server = ForkServer(listen(Path(settings["socket"])), settings, refused, app)
    gc.collect()
    gc.freeze()  # Objects that exist now are never collected, so their pages stay shared.
    reply(reply_file, {"listening": os.getpid(), "refused": refused})
    server.serve()


def reply(file: int, message: Message) -> None:
    """Send a message to the process that started this one, if it still waits."""
    with suppress(OSError), open(file, "wb") as writer:
        writer.write(json.dumps(message).encode())


def listen(path: Path) -> socket.socket:
    """A socket that only its user can open."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    listener.bind(str(path))
    os.umask(mask)
    listener.listen(128)
    return listener
