"""What a fork server imports before it forks, so that no kernel has to.

Never anything that starts threads: a fork has one thread, and waits for ever for a lock that
another one held. Each module that is asked for is tried in a process of its own first.
"""

import importlib
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flowkernel.kernels.fork_server.child import (
    CannotFork,
    forget_parent,
    make_app,
    prepared,
    remove_folder,
)
from flowkernel.kernels.fork_server.wire import Message, WireConnection

ALWAYS = (
    "ipykernel_launcher",
    "ipykernel.kernelapp",
    "IPython.core.completer",
    "flowkernel.flow_api",
    "flowkernel.client.client",
)
#: What a kernel imports when it first needs it, if it is there: history, children, %store.
LATER = ("sqlite3", "psutil", "IPython.extensions.storemagic")
APART_SECONDS = 20.0  #: How long one module may take to be imported.
#: Threads of libraries that see to forks themselves: jemalloc (in Arrow) holds its locks over
#: a fork and starts its thread anew. OpenBLAS ends its threads before a fork.
FORK_SAFE = frozenset({"jemalloc_bg_thd"})


def preload(names: list[str], arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Import what every kernel needs, then `names`.

    Returns:
        Why some of them were left out; and the files that must not change after this.
    """
    for name in ALWAYS:
        importlib.import_module(name)
    told = apart(lambda line: _rehearse(arguments, line))
    for name in (*LATER, *told.get("modules", [])):
        try_import(name)
    read_a_cell()
    refused = {}
    for name in names:
        answer = apart(lambda line, name=name: _try_out(name, line))  # type: ignore[misc]
        if (reason := answer["reason"]) is None:
            importlib.import_module(name)
        else:
            refused[name] = reason
    return refused, [*files_of(names), *packages()]


def read_a_cell() -> None:
    """Compile the patterns that a cell is read with: each kernel would at its first."""
    from IPython.core.inputtransformer2 import TransformerManager

    TransformerManager().transform_cell("x = 1\nprint(x)\n")


def try_import(name: str) -> None:
    """Import it if that is possible: a kernel did, but what it found may be its own."""
    try:
        importlib.import_module(name)
    except Exception:
        sys.modules.pop(name, None)


def apart(act: Callable[[WireConnection], None]) -> Message:
    """What `act` tells from a process of its own, whatever becomes of that."""
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid == 0:
        try:
            ours.close()
            act(WireConnection(theirs))
        finally:
            os._exit(0)
    theirs.close()
    ours.settimeout(APART_SECONDS)
    try:
        told, _ = WireConnection(ours).hear()
    except TimeoutError:
        told = {"reason": f"importing it took longer than {APART_SECONDS:.0f} s"}
        os.kill(pid, signal.SIGKILL)
    ours.close()
    os.waitpid(pid, 0)
    return told or {"reason": "importing it ended the process"}


def fork() -> int:
    """os.fork, without the warning about threads: we have looked at them."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # Or every fork would write it once more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _rehearse(arguments: list[str], line: WireConnection) -> None:
    """Be a kernel as far as its first cell; tell what was imported and read for it."""
    before = set(sys.modules)
    forget_parent(line.socket.fileno())
    given = [*arguments, "--HistoryManager.enabled=False"]
    try:
        app = prepared(given)
    except CannotFork:  # It is said when it is tried for good.
        line.tell({"modules": []})
        return
    make_app(app, given)
    app.shell.run_cell("None", silent=True, store_history=False)
    remove_folder(app)
    modules = [name for name in sys.modules if name not in before]
    line.tell({"modules": modules})


def _try_out(name: str, line: WireConnection) -> None:
    before = open_files()
    try:
        importlib.import_module(name)
    except BaseException as error:
        line.tell({"reason": f"importing it raised {type(error).__name__}: {error}"})
        return
    pid = fork()  # Libraries that see to forks end their threads before one.
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    line.tell({"reason": _objection(before)})


def _objection(before: dict[str, str]) -> str | None:
    """What an import left behind that a fork cannot have."""
    first = threading.main_thread()
    running = [thread.name for thread in threading.enumerate() if thread is not first]
    names = running or [t for t in native_threads() if t not in FORK_SAFE]
    if names:
        return f"importing it starts threads ({', '.join(names)})"
    files = [place for file, place in open_files().items() if file not in before]
    if files:
        return f"importing it leaves files open ({', '.join(files)})"
    return None


def open_files() -> dict[str, str]:
    """The files this process has open, and what they are."""
    found = {}
    for file in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # That of the listing itself is closed by now.
            found[file] = os.readlink(f"/proc/self/fd/{file}")
    return found


def native_threads() -> list[str]:
    """The names of this process's threads, the first one aside."""
    tasks = Path("/proc/self/task")
    others = [task for task in tasks.iterdir() if task.name != str(os.getpid())]
    return [(task / "comm").read_text().strip() for task in others]


def files_of(names: list[str]) -> list[str]:
    """The files of these packages, of ours, and of all that is not installed for good."""
    roots = {name.partition(".")[0] for name in names} | {"flowkernel"}
    settled = (*packages(), os.path.dirname(os.__file__))
    files = (
        (name, getattr(module, "__file__", None))
        for name, module in list(sys.modules.items())
    )
    return [
        file
        for name, file in files
        if file and (name.partition(".")[0] in roots or not file.startswith(settled))
    ]


def packages() -> list[str]:
    """The folders with installed packages: they change when one is installed."""
    last = ("site-packages", "dist-packages")
    return [path for path in sys.path if os.path.basename(path) in last]


def changed_at(file: str) -> float:
    """When it was last changed; 0 if it is gone."""
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0
