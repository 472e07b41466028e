"""Finding the fork server for a kernel command, or starting it: one serves all clients."""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout
from jupyter_core.paths import jupyter_runtime_dir

from flowkernel.client.own_token import without_tokens
from flowkernel.core.open_files import original_limit
from flowkernel.core.per_process import PerProcess
from flowkernel.kernels.fork_server.socket_folders import private_folder, takes_socket
from flowkernel.kernels.fork_server.wire import Message, WireConnection
from flowkernel.kernels.kernel_environment import registered
from flowkernel.kernels.leftovers import sweep_servers
from flowkernel.kernels.server_environment import inherited_state
from flowkernel.kernels.server_key import KEY_LENGTH, KernelCommand

START_SECONDS = 30.0  #: How long a fork server may take to import its modules.
RETRY_SECONDS = 60.0  #: How long a fork server that failed is not tried again.
STATUS_SECONDS = 2.0  #: How long it may take to report its status.
#: How the name of a socket begins; the key of its fork server follows.
PREFIX = "flowkernel-"
#: nbclient asks for it: cells of flows do not go into a person's history.
NO_HISTORY = ":memory:"
LINUX = sys.platform == "linux"
#: Part of the key. Count it up when our modules that kernels import get other names: a fork
#: server of an older version, which another home started, does not have them.
MODULES = 2

#: The program of a new fork server. It imports our package from its folder, so that it need not
#: be installed where the kernels run. The started process forks and ends: so the server is no
#: child of its client, which need not wait for its end.
BOOT = """
import os, sys
if os.fork(): os._exit(0)
if sys.path[:1] == [""]: del sys.path[0]
import importlib.util as util
folder, settings, reply_file = sys.argv[1:]
spec = util.spec_from_file_location(
    "flowkernel", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["flowkernel"] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["flowkernel"])
from flowkernel.kernels.fork_server.server import main
main(settings, int(reply_file))
"""

log = getLogger(__name__)
#: By the name of the socket: until when a fork server is not tried, and why.
_failures: dict[str, tuple[float, str]] = {}
#: Connections that keep fork servers from ending; None: it does not run just now.
_kept_alive: dict[KernelCommand, tuple[Path, WireConnection | None]] = {}
_kept_alive_lock = PerProcess(threading.Lock)


class NoForkServer(Exception):
    """There is none, so that the kernel must be started plainly. The text says why."""


def connect(
    command: KernelCommand,
    environ: Mapping[str, str],
    cwd: str,
    *,
    ready: int,
    starts: bool = True,
) -> WireConnection:
    """A connection to the fork server for a command.

    If there is none and `starts` is true, it is started, with `ready` kernels. `environ` and
    `cwd` are the environment variables and the folder of the kernel.

    Raises:
        NoForkServer: There is none, and it cannot or shall not be started.
    """
    path = socket_path(command, environ, cwd)
    _check_not_suspended(path)
    try:
        wire = _connect(path)
        if wire is None and starts:
            wire = _start_once(command, environ, cwd, path, ready)
    except (OSError, Timeout, NoForkServer) as error:
        _suspend(path, str(error))
        raise NoForkServer(str(error)) from error
    if wire is None:
        raise NoForkServer("it does not run")
    if command in _kept_alive:
        _keep_alive(command, path)
    return wire


def suspend(wire: WireConnection, reason: str) -> None:
    """Do not use this fork server for a while, as it does not reply."""
    _suspend(Path(wire.socket.getpeername()), reason)


def _suspend(path: Path, reason: str) -> None:
    _failures[path.name] = (monotonic() + RETRY_SECONDS, reason)


def _check_not_suspended(path: Path) -> None:
    retry_at, reason = _failures.get(path.name, (0.0, ""))
    if monotonic() < retry_at:
        raise NoForkServer(reason)


def list_running() -> list[Message]:
    """The status of each fork server of this user: see `ForkServer`. Starts none.

    For one that does not reply: `silent`, the path of its socket, and `reason`.
    """
    statuses = []
    try:
        paths = sorted(_socket_folder().glob(f"{PREFIX}*.sock"))
    except NoForkServer:
        return []
    for path in paths:
        try:
            wire = _connect(path)
            if wire is not None:
                statuses.append(_status(wire))
        except (NoForkServer, OSError, ValueError) as error:
            statuses.append({"silent": str(path), "reason": str(error)})
    return statuses


def _status(wire: WireConnection) -> Message:
    wire.socket.settimeout(STATUS_SECONDS)
    try:
        wire.send({"about": True})
        status, _ = wire.receive()
    finally:
        wire.close()
    if status is None:
        raise ConnectionError("it closed the connection")
    if not _is_status(status):
        raise ValueError("it sent no status")
    return status


def _is_status(status: Message) -> bool:
    """Whether a message is what a fork server of any version reports of itself."""
    numbers = (status.get(name) for name in ("pid", "ready", "taken"))
    lists = (
        isinstance(status.get("preload"), list),
        isinstance(status.get("refused"), dict),
    )
    return all(isinstance(number, int) for number in numbers) and all(lists)


def native_command(interpreter: str, preload: tuple[str, ...]) -> KernelCommand:
    """How nbclient makes kernels of this Python, and so how kernels of flows are made."""
    history = f"--HistoryManager.hist_file={NO_HISTORY}"
    return KernelCommand(interpreter, (), (history,), preload)


def keep_warm(interpreter: str, preload: tuple[str, ...], ready: int) -> None:
    """Start the fork server for flows' kernels of this Python, and keep it running.

    It runs as long as this process does, and so does its successor. If there cannot be one,
    kernels are started plainly.
    """
    if not LINUX:
        return
    command, cwd = native_command(interpreter, preload), os.getcwd()
    environ = registered(os.environ, sys.prefix)
    try:
        connect(command, environ, cwd, ready=ready).close()
        _keep_alive(command, socket_path(command, environ, cwd))
    except NoForkServer as error:
        log.warning("kernels are started plainly: there is no fork server: %s", error)


def _keep_alive(command: KernelCommand, path: Path) -> None:
    """Hold a connection to the fork server, which may be another one than before."""
    with _kept_alive_lock.get():
        previous, wire = _kept_alive.get(command, (path, None))
        if wire is not None and previous == path and not wire.has_input(0):
            return
        if wire is not None:
            wire.close()
        _kept_alive[command] = path, _connect(path)


def socket_path(command: KernelCommand, environ: Mapping[str, str], cwd: str) -> Path:
    """The path of the socket of a command's fork server.

    Raises:
        NoForkServer: There is no folder for it.
    """
    key = command.key(environ, cwd, [*inherited_state(), MODULES])
    return _socket_folder() / f"{PREFIX}{key}.sock"


def _socket_folder() -> Path:
    """Jupyter's folder for what runs; if its path is too long for sockets, a short one."""
    folder = jupyter_runtime_dir()
    if takes_socket(f"{folder}/{PREFIX}{'0' * KEY_LENGTH}.sock"):
        return Path(folder)
    try:
        return private_folder()
    except OSError as error:
        raise NoForkServer(f"there is no folder for its socket: {error}") from error


def remove_left_files() -> None:
    """Remove the files of fork servers that were killed, also where none is started."""
    with suppress(NoForkServer):
        sweep_servers(_socket_folder())


def _connect(path: Path) -> WireConnection | None:
    """A connection to the fork server at this path; None: there is none."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end.settimeout(START_SECONDS)
    try:
        end.connect(str(path))
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        end.close()
        return None
    _pid, user, _group = struct.unpack("3i", peer)
    if user != os.getuid():  # Another user's server would see our environment.
        end.close()
        raise NoForkServer(f"{str(path)!r} belongs to another user")
    return WireConnection(end)


def _start_once(
    command: KernelCommand,
    environ: Mapping[str, str],
    cwd: str,
    path: Path,
    ready: int,
) -> WireConnection:
    """Start the fork server, unless another process does so at the same time."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep_servers(path.parent)
    try:
        with FileLock(path.with_suffix(".lock"), timeout=START_SECONDS):
            wire = _connect(path)
            if wire is None:
                _start(command, environ, cwd, path, ready)
                wire = _connect(path)
    except BaseException:
        sweep_servers(path.parent)
        raise
    if wire is None:
        raise NoForkServer(f"it ended as soon as it listened{_last_log_line(path)}")
    return wire


def _start(
    command: KernelCommand,
    environ: Mapping[str, str],
    cwd: str,
    path: Path,
    ready: int,
) -> None:
    reader, writer = os.pipe()
    try:
        with open(path.with_suffix(".log"), "wb", opener=_open_unlinked) as output:
            process = subprocess.Popen(
                _argv(command, path, ready, writer),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=cwd if os.path.isdir(cwd) else "/",
                env=command.server_variables(without_tokens(environ)),
                pass_fds=[writer], start_new_session=True,
            )  # fmt: skip
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    try:
        _wait_until_listening(reader, path)
    finally:
        os.close(reader)
        _reap(process)


def _open_unlinked(path: str, flags: int) -> int:
    """An `opener` that follows no link: what has the name may be another user's."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _argv(command: KernelCommand, path: Path, ready: int, writer: int) -> list[str]:
    settings = {
        "socket": str(path),
        "arguments": command.arguments,
        "preload": command.preload,
        "ready": ready,
        "open_files": original_limit(),
    }
    folder = str(Path(__file__).parents[1])
    arguments = [folder, json.dumps(settings), str(writer)]
    return [command.interpreter, *command.flags, "-c", BOOT, *arguments]


def _wait_until_listening(reader: int, path: Path) -> None:
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    if not poll.poll(START_SECONDS * 1000):
        raise NoForkServer(f"it did not listen within {START_SECONDS:.0f} s")
    text = b""
    while chunk := os.read(reader, 65536):
        text += chunk
    message: Message = json.loads(text) if text else {}
    if "listening" not in message:
        reason = message.get("refused") or f"it ended at once{_last_log_line(path)}"
        raise NoForkServer(reason)
    for name, reason in message["refused"].items():
        log.warning("%s is not preloaded: %s", name, reason)


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the started process, which ends when it has forked; kill it if it hangs."""
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_log_line(path: Path) -> str:
    """The last line of the log, and where the log is; empty if there is nothing in it."""
    log_path = path.with_suffix(".log")
    try:
        text = log_path.read_text("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return f": {lines[-1]} (see {str(log_path)!r})" if lines else ""
