"""Finds the fork server for a recipe, or starts it: one for each, whoever asks."""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from logging import getLogger
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout
from jupyter_core.paths import jupyter_runtime_dir

from flowkernel.kernels.fork_server.wire import Message, WireConnection
from flowkernel.kernels.server_environment import surroundings
from flowkernel.kernels.server_key import KernelCommand

START_SECONDS = 30.0  #: How long a fork server may take to import what it is asked to.
GIVE_UP_SECONDS = 60.0  #: How long one that did not start is not tried again.
ASK_SECONDS = 2.0  #: How long one may take to say how it is.
PREFIX = (
    "flowkernel-"  #: Begins the name of a socket; the key of its fork server follows.
)
LONGEST_PATH = 100  #: Bytes of a socket's path that every system takes, inclusive.
NO_HISTORY = (
    ":memory:"  #: nbclient asks for it: what a flow runs is in nobody's history.
)
LINUX = sys.platform == "linux"

#: Imports our package by its place: it need not be installed where the kernels run. A fork
#: serves, and the process we started ends: so the server is nobody's child, and no zombie.
BOOT = """
import os, sys
if os.fork(): os._exit(0)
if sys.path[:1] == [""]: del sys.path[0]
import importlib.util as util
folder, asked, told = sys.argv[1:]
spec = util.spec_from_file_location(
    "flowkernel", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["flowkernel"] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["flowkernel"])
from flowkernel.kernels.fork_server.server import main
main(asked, int(told))
"""

log = getLogger(__name__)
_failed: dict[str, tuple[float, str]] = {}
_kept: dict[KernelCommand, tuple[Path, WireConnection | None]] = {}
_keeping = threading.Lock()


class NoForkServer(Exception):
    """There is none, for a reason: a plain kernel has to do."""


def connect(
    recipe: KernelCommand,
    environ: Mapping[str, str],
    cwd: str,
    *,
    ready: int,
    starts: bool = True,
) -> WireConnection:
    """A connection to the fork server of this recipe, which is started if need be.

    Raises:
        NoForkServer: It cannot be had; says why.
    """
    path = socket_path(recipe, environ, cwd)
    until, reason = _failed.get(path.name, (0.0, ""))
    if monotonic() < until:
        raise NoForkServer(reason)
    try:
        line = _open(path)
        if line is None and starts:
            line = _started(recipe, environ, cwd, path, ready)
    except (OSError, Timeout, NoForkServer) as error:
        _give_up(path, str(error))
        raise NoForkServer(str(error)) from error
    if line is None:
        raise NoForkServer("it does not run")
    if recipe in _kept:
        _keep(recipe, path)
    return line


def give_up(line: WireConnection, reason: str) -> None:
    """Ask this fork server no more for a while: it hangs."""
    _give_up(Path(line.socket.getpeername()), reason)


def _give_up(path: Path, reason: str) -> None:
    _failed[path.name] = (monotonic() + GIVE_UP_SECONDS, reason)


def running() -> list[Message]:
    """What each fork server of this user says of itself; none is started for it."""
    found = []
    for path in sorted(Path(jupyter_runtime_dir()).glob(f"{PREFIX}*.sock")):
        try:
            line = _open(path)
            if line is not None:
                found.append(_about(line))
        except (NoForkServer, OSError, ValueError) as error:
            found.append({"silent": str(path), "reason": str(error)})
    return found


def _about(line: WireConnection) -> Message:
    line.socket.settimeout(ASK_SECONDS)
    try:
        line.tell({"about": True})
        told, _ = line.hear()
    finally:
        line.close()
    if told is None:
        raise ConnectionError("it left")
    return told


def native_recipe(interpreter: str, preload: tuple[str, ...]) -> KernelCommand:
    """What nbclient's kernels of this Python are made by, and so those of flows."""
    history = f"--HistoryManager.hist_file={NO_HISTORY}"
    return KernelCommand(interpreter, (), (history,), preload)


def keep_warm(interpreter: str, preload: tuple[str, ...], ready: int) -> None:
    """Have the fork server ready that flows' kernels of this Python come from.

    It stays as long as this process does, and so does the one that follows it. Where there
    can be none, kernels start plainly.
    """
    if not LINUX:
        return
    recipe, cwd = native_recipe(interpreter, preload), os.getcwd()
    try:
        connect(recipe, os.environ, cwd, ready=ready).close()
        _keep(recipe, socket_path(recipe, os.environ, cwd))
    except NoForkServer as error:
        log.warning("kernels are started plainly: there is no fork server: %s", error)


def _keep(recipe: KernelCommand, path: Path) -> None:
    """Have a line to it, so that it stays; it may be another one than before."""
    with _keeping:
        before, line = _kept.get(recipe, (path, None))
        if line is not None and before == path and not line.has_news(0):
            return
        if line is not None:
            line.close()
        _kept[recipe] = path, _open(path)


def socket_path(recipe: KernelCommand, environ: Mapping[str, str], cwd: str) -> Path:
    """Where the fork server of this recipe listens.

    Raises:
        NoForkServer: The path is longer than that of a socket may be.
    """
    key = recipe.key(environ, cwd, surroundings())
    path = Path(jupyter_runtime_dir()) / f"{PREFIX}{key}.sock"
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise NoForkServer(f"{str(path)!r} is too long for a socket's path")
    return path


def _open(path: Path) -> WireConnection | None:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end.settimeout(START_SECONDS)
    try:
        end.connect(str(path))
        peer = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        end.close()
        return None
    _pid, user, _group = struct.unpack("3i", peer)
    if user != os.getuid():  # Somebody else's: it would see our environment.
        end.close()
        raise NoForkServer(f"{str(path)!r} belongs to another user")
    return WireConnection(end)


def _started(
    recipe: KernelCommand, environ: Mapping[str, str], cwd: str, path: Path, ready: int
) -> WireConnection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=START_SECONDS):
        line = _open(path)
        if line is None:
            _start(recipe, environ, cwd, path, ready)
            line = _open(path)
    if line is None:
        raise NoForkServer(f"it left as soon as it listened{_last(path)}")
    return line


def _start(
    recipe: KernelCommand, environ: Mapping[str, str], cwd: str, path: Path, ready: int
) -> None:
    asked = {
        "socket": str(path),
        "arguments": recipe.arguments,
        "preload": recipe.preload,
        "ready": ready,
    }
    folder = str(Path(__file__).parents[1])
    hear, told = os.pipe()
    command = [recipe.interpreter, *recipe.flags, "-c", BOOT]
    command += [folder, json.dumps(asked), str(told)]
    try:
        with open(path.with_suffix(".log"), "wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=cwd if os.path.isdir(cwd) else "/", env=dict(environ),
                pass_fds=[told], start_new_session=True,
            )  # fmt: skip
    except BaseException:
        os.close(hear)
        raise
    finally:
        os.close(told)
    try:
        _await(hear, path)
    finally:
        os.close(hear)
        _reap(process)


def _await(hear: int, path: Path) -> None:
    """Wait until it listens."""
    poll = select.poll()
    poll.register(hear, select.POLLIN)
    if not poll.poll(START_SECONDS * 1000):
        raise NoForkServer(f"it did not listen within {START_SECONDS:.0f} s")
    text = b""
    while chunk := os.read(hear, 65536):
        text += chunk
    message: Message = json.loads(text) if text else {}
    if "listening" not in message:
        raise NoForkServer(message.get("refused") or f"it ended at once{_last(path)}")
    for name, reason in message["refused"].items():
        log.warning("%s is not preloaded: %s", name, reason)


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """It ended when it had forked; if it did not come to that, it hangs."""
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last(path: Path) -> str:
    """The last that it wrote, and where the rest is."""
    log = path.with_suffix(".log")
    try:
        lines = log.read_text("utf-8", "replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return f": {said[-1]} (see {str(log)!r})" if said else ""
