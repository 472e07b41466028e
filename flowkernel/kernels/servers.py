"""Finds the fork server for a recipe, or starts it: one for each, whoever asks."""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from logging import getLogger
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout
from jupyter_core.paths import jupyter_runtime_dir

from flowkernel.kernels.recipe import Recipe
from flowkernel.kernels.wire import Line, Message

START_SECONDS = 30.0  #: How long a fork server may take to import what it is asked to.
GIVE_UP_SECONDS = 60.0  #: How long one that did not start is not tried again.
LONGEST_PATH = 100  #: Bytes of a socket's path that every system takes, inclusive.
NO_HISTORY = (
    ":memory:"  #: nbclient asks for it: what a flow runs is in nobody's history.
)
LINUX = sys.platform == "linux"

#: Imports our package by its place: it need not be installed where the kernels run.
BOOT = """
import sys
if sys.path[:1] == [""]: del sys.path[0]
import importlib.util as util
folder, asked, told = sys.argv[1:]
spec = util.spec_from_file_location(
    "flowkernel", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["flowkernel"] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["flowkernel"])
from flowkernel.kernels.template import main
main(asked, int(told))
"""

log = getLogger(__name__)
_failed: dict[str, tuple[float, str]] = {}
_kept: list[Line] = []


class NoForkServer(Exception):
    """There is none, for a reason: a plain kernel has to do."""


def connect(
    recipe: Recipe,
    environ: Mapping[str, str],
    cwd: str,
    *,
    ready: int,
    starts: bool = True,
) -> Line:
    """A connection to the fork server of this recipe, which is started if need be.

    Raises:
        NoForkServer: It cannot be had; says why.
    """
    key = recipe.key(environ, cwd)
    path = socket_path(key)
    line = _open(path)
    if line is not None:
        return line
    until, reason = _failed.get(key, (0.0, ""))
    if monotonic() < until or not starts:
        raise NoForkServer(reason or "it does not run")
    try:
        with FileLock(path.with_suffix(".lock"), timeout=START_SECONDS):
            line = _open(path)
            if line is None:
                _start(recipe, environ, cwd, path, ready)
                line = _open(path)
    except (OSError, Timeout) as error:
        reason = str(error)
    except NoForkServer as error:
        reason = str(error)
    if line is None:
        _failed[key] = (monotonic() + GIVE_UP_SECONDS, reason)
        raise NoForkServer(reason)
    return line


def keep_warm(interpreter: str, preload: tuple[str, ...], ready: int) -> None:
    """Have the fork server ready that nbclient's kernels of this Python come from.

    It stays as long as this process does. Where there can be none, kernels start plainly.
    """
    recipe = Recipe(
        interpreter, (), (f"--HistoryManager.hist_file={NO_HISTORY}",), preload
    )
    if LINUX:
        try:
            _kept.append(connect(recipe, os.environ, os.getcwd(), ready=ready))
        except NoForkServer as error:
            log.warning(
                "kernels are started plainly, for there is no fork server: %s", error
            )


def socket_path(key: str) -> Path:
    """Where the fork server of this key listens.

    Raises:
        NoForkServer: The path is longer than that of a socket may be.
    """
    path = Path(jupyter_runtime_dir()) / f"flowkernel-{key}.sock"
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise NoForkServer(f"{str(path)!r} is too long for a socket's path")
    return path


def _open(path: Path) -> Line | None:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end.settimeout(START_SECONDS)
    try:
        end.connect(str(path))
    except OSError:
        end.close()
        return None
    return Line(end)


def _start(
    recipe: Recipe, environ: Mapping[str, str], cwd: str, path: Path, ready: int
) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    asked = {
        "socket": str(path),
        "arguments": recipe.arguments,
        "preload": recipe.preload,
        "ready": ready,
    }
    folder = str(Path(__file__).parents[1])
    hear, told = os.pipe()
    command = [
        recipe.interpreter,
        *recipe.flags,
        "-c",
        BOOT,
        folder,
        json.dumps(asked),
        str(told),
    ]
    try:
        with open(path.with_suffix(".log"), "wb") as output:
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd,
                env=dict(environ), pass_fds=[told], start_new_session=True,
            )  # fmt: skip
        os.close(told)
        told = -1
        _await(hear, path)
    finally:
        os.close(hear)
        if told >= 0:
            os.close(told)


def _await(hear: int, path: Path) -> None:
    """Wait until it listens."""
    poll = select.poll()
    poll.register(hear, select.POLLIN)
    if not poll.poll(START_SECONDS * 1000):
        raise NoForkServer(f"it did not listen within {START_SECONDS:.0f} s")
    text = os.read(hear, 65536)
    message: Message = json.loads(text) if text else {}
    if "listening" not in message:
        raise NoForkServer(
            message.get("refused") or f"it ended at once; see {path.stem}.log"
        )
    for name, reason in message["refused"].items():
        log.warning("%s is not preloaded: %s", name, reason)
