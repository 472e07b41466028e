"""What a fork server imports before it forks, so that no kernel needs to.

It never imports anything that starts threads: a fork has one thread only, and would wait for
ever for a lock that another thread held. Each requested module is first imported in a separate
process, to try it.
"""

import fnmatch
import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flowkernel.kernels.fork_server.child import detach_from_parent, remove_folder
from flowkernel.kernels.fork_server.kernel_app import (
    CannotFork,
    complete_app,
    prepare_app,
)
from flowkernel.kernels.fork_server.wire import Message, WireConnection

ALWAYS = (
    "ipykernel_launcher",
    "ipykernel.kernelapp",
    "IPython.core.completer",
    "flowkernel.flow_api",
    "flowkernel.flow_api.kernel_shell",
    "flowkernel.client.client",
)
#: Modules that a kernel may import later: for its history, its child processes, %store.
LATER = (
    "sqlite3",
    "psutil",
    "IPython.core.logger",
    "IPython.extensions.storemagic",
)
TRIAL_SECONDS = 20.0  #: How long the import of one module may take.
#: Threads of libraries that can handle forks: jemalloc (in Arrow) holds its locks during a
#: fork and starts its thread again. OpenBLAS ends its threads before a fork.
FORK_SAFE = frozenset({"jemalloc_bg_thd"})


def preload(names: list[str], arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Import what every kernel needs, then the requested modules.

    Returns:
        Why some of them were not imported, by name; and the files that must not change as
        long as the fork server is used.
    """
    for name in ALWAYS:
        importlib.import_module(name)
    rehearsal = in_child(lambda wire: _rehearse(arguments, wire))
    for name in (*LATER, *rehearsal.get("modules", [])):
        try_import(name)
    warm_up()
    refused = {}
    for name in names:
        result = in_child(lambda wire, name=name: _try_out(name, wire))  # type: ignore[misc]
        if (reason := result["reason"]) is None:
            importlib.import_module(name)
        else:
            refused[name] = reason
    return refused, [*files_of(names), *package_folders()]


def warm_up() -> None:
    """Fill caches that each kernel would fill itself.

    They are regular expressions, of cell input, of the names of startup files and of the
    colours of a traceback; and what is in the folders of modules: IPython looks for its
    extension first among them all.
    """
    from IPython.core.inputtransformer2 import TransformerManager
    from IPython.core.ultratb import AutoFormattedTB

    TransformerManager().transform_cell("x = 1\nprint(x)\n")
    for pattern in ("*.py", "*.ipy"):
        fnmatch.filter([], pattern)
    importlib.util.find_spec("storemagic")
    try:
        raise LookupError
    except LookupError:
        AutoFormattedTB(mode="Context").structured_traceback(*sys.exc_info())


def try_import(name: str) -> None:
    """Import a module that a rehearsed kernel imported; here that may be impossible."""
    try:
        importlib.import_module(name)
    except Exception:
        sys.modules.pop(name, None)


def in_child(action: Callable[[WireConnection], None]) -> Message:
    """Run `action` in a forked process: the message it sends, or the reason for none."""
    own_end, child_end = socket.socketpair()
    pid = fork()
    if pid == 0:
        try:
            own_end.close()
            action(WireConnection(child_end))
        finally:
            os._exit(0)
    child_end.close()
    own_end.settimeout(TRIAL_SECONDS)
    try:
        message, _ = WireConnection(own_end).receive()
    except TimeoutError:
        message = {"reason": f"importing it took longer than {TRIAL_SECONDS:.0f} s"}
        os.kill(pid, signal.SIGKILL)
    own_end.close()
    os.waitpid(pid, 0)
    return message or {"reason": "importing it ended the process"}


def fork() -> int:
    """`os.fork` without its warning about threads: `_reason_against` looks at these."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # Otherwise each fork would write the buffer again.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _rehearse(arguments: list[str], wire: WireConnection) -> None:
    """Be a kernel until a cell has run, and one has failed; send the names of the modules."""
    modules_before = set(sys.modules)
    detach_from_parent(wire.socket.fileno())
    without_history = [*arguments, "--HistoryManager.enabled=False"]
    try:
        app = prepare_app(without_history)
    except CannotFork:  # The fork server itself reports this later.
        wire.send({"modules": []})
        return
    complete_app(app, without_history)
    for source in ("None", "1 / 0"):
        app.shell.run_cell(source, silent=True, store_history=False)
    remove_folder(app)
    modules = [name for name in sys.modules if name not in modules_before]
    wire.send({"modules": modules})


def _try_out(name: str, wire: WireConnection) -> None:
    """Import a module; send the reason why a fork server must not, or None."""
    files_before = open_files()
    try:
        importlib.import_module(name)
    except BaseException as error:
        wire.send({"reason": f"importing it raised {type(error).__name__}: {error}"})
        return
    pid = fork()  # Libraries that can handle forks end their threads before one.
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    wire.send({"reason": _reason_against(files_before)})


def _reason_against(files_before: dict[str, str]) -> str | None:
    """What an import left in this process that a fork cannot have; None: nothing."""
    first = threading.main_thread()
    running = [thread.name for thread in threading.enumerate() if thread is not first]
    names = running or [t for t in native_threads() if t not in FORK_SAFE]
    if names:
        return f"importing it starts threads ({', '.join(names)})"
    new = [path for file, path in open_files().items() if file not in files_before]
    if new:
        return f"importing it leaves files open ({', '.join(new)})"
    return None


def open_files() -> dict[str, str]:
    """The open files of this process: file descriptor and path."""
    files = {}
    for file in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # The file of the listing itself is closed already.
            files[file] = os.readlink(f"/proc/self/fd/{file}")
    return files


def native_threads() -> list[str]:
    """The names of this process's threads, except the first."""
    tasks = Path("/proc/self/task")
    further = [task for task in tasks.iterdir() if task.name != str(os.getpid())]
    return [(task / "comm").read_text().strip() for task in further]


def files_of(names: list[str]) -> list[str]:
    """The files of these packages, of flowkernel, and of modules that are not installed."""
    roots = {name.partition(".")[0] for name in names} | {"flowkernel"}
    installed = (*package_folders(), os.path.dirname(os.__file__))
    files = (
        (name, getattr(module, "__file__", None))
        for name, module in list(sys.modules.items())
    )
    return [
        file
        for name, file in files
        if file and (name.partition(".")[0] in roots or not file.startswith(installed))
    ]


def package_folders() -> list[str]:
    """The folders with installed packages: they change when a package is installed."""
    names = ("site-packages", "dist-packages")
    return [path for path in sys.path if os.path.basename(path) in names]


def changed_at(file: str) -> float:
    """When the file was last changed, as a timestamp; 0 if it is gone."""
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0
