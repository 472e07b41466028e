"""What a fork server imports before it forks, so that no kernel has to.

Never anything that starts threads: a fork has one thread, and waits for ever for a lock that
another one held. Each module that is asked for is tried in a process of its own first.
"""

import importlib
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from flowkernel.kernels.forked import forget_parent, make_app, parsed
from flowkernel.kernels.wire import Line, Message

ALWAYS = (
    "ipykernel_launcher",
    "ipykernel.kernelapp",
    "IPython.core.completer",
    "flowkernel.flow_api",
    "flowkernel.client",
)
#: Threads of libraries that see to forks themselves: jemalloc (in Arrow) holds its locks over
#: a fork and starts its thread anew. OpenBLAS ends its threads before a fork.
FORK_SAFE = frozenset({"jemalloc_bg_thd"})


def preload(names: list[str]) -> dict[str, str]:
    """Import what every kernel needs, then `names`; why some of them were left out."""
    for name in ALWAYS:
        importlib.import_module(name)
    for name in apart(_rehearse)["modules"]:
        try_import(name)
    refused = {}
    for name in names:
        reason = apart(lambda line, name=name: _try_out(name, line))["reason"]  # type: ignore[misc]
        if reason is None:
            importlib.import_module(name)
        else:
            refused[name] = reason
    return refused


def try_import(name: str) -> None:
    """Import it if that is possible: a kernel did, but what it found may be its own."""
    try:
        importlib.import_module(name)
    except Exception:
        sys.modules.pop(name, None)


def apart(act: Callable[[Line], None]) -> Message:
    """What `act` tells from a process of its own, whatever becomes of that."""
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid == 0:
        try:
            ours.close()
            act(Line(theirs))
        finally:
            os._exit(0)
    theirs.close()
    told, _ = Line(ours).hear()
    ours.close()
    os.waitpid(pid, 0)
    return told or {"modules": [], "reason": "importing it ended the process"}


def fork() -> int:
    """os.fork, without the warning about threads: we have looked at them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _rehearse(line: Line) -> None:
    """Be a kernel as far as its first cell, and tell what had to be imported for it."""
    before = set(sys.modules)
    forget_parent(line.socket.fileno())
    app, _ = make_app([], parsed([]))
    app.shell.run_cell("None", silent=True, store_history=False)
    app.cleanup_connection_file()
    Path(app.connection_file).parent.rmdir()
    line.tell({"modules": [name for name in sys.modules if name not in before]})


def _try_out(name: str, line: Line) -> None:
    try:
        importlib.import_module(name)
    except BaseException as error:
        line.tell({"reason": f"importing it raised {type(error).__name__}: {error}"})
        return
    pid = fork()  # Libraries that see to forks end their threads before one.
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    running = [
        t.name for t in threading.enumerate() if t is not threading.main_thread()
    ]
    names = running or [t for t in native_threads() if t not in FORK_SAFE]
    told = f"importing it starts threads ({', '.join(names)})" if names else None
    line.tell({"reason": told})


def native_threads() -> list[str]:
    """The names of this process's threads, the first one aside."""
    tasks = Path("/proc/self/task")
    others = [task for task in tasks.iterdir() if task.name != str(os.getpid())]
    return [(task / "comm").read_text().strip() for task in others]


def files_of(names: list[str]) -> dict[str, float]:
    """When the files of these packages, and of ours, were last changed."""
    roots = {name.partition(".")[0] for name in names} | {"flowkernel"}
    files = (
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in roots
    )
    return {file: changed_at(file) for file in files if file}


def changed_at(file: str) -> float:
    """When it was last changed; 0 if it is gone."""
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0
