"""The processes of one campaign: engines, workers, readers, fork servers and kernels.

Other homes may have theirs on the same machine: a process is ours if it was started with our
runtime folder or our home in its environment, or has our home on its command line.
"""

import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.arena import Arena

KINDS = ("engine", "worker", "sql reader", "fork server", "kernel")
#: What a command line has of each, but for fork servers and kernels.
WORDS = {
    "flowkernel.engine": "engine",
    "flowkernel.worker": "worker",
    "flowkernel.store.sql_reader": "sql reader",
}
FORK_SERVER = "flowkernel.kernels.fork_server.server"


def processes_of(arena: Arena) -> list[psutil.Process]:
    """Every process of the campaign but this one, the oldest first; no zombies."""
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and _is_ours(process, arena):
                processes.append((process.create_time(), process.pid, process))
    return [process for _, _, process in sorted(processes)]


def _is_ours(process: psutil.Process, arena: Arena) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    if str(arena.home.path) in process.cmdline():
        return True
    variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    marks = {
        f"JUPYTER_RUNTIME_DIR={arena.runtime}".encode(),
        f"FLOWKERNEL_HOME={arena.home.path}".encode(),
    }
    return bool(marks & set(variables))


def by_kind(arena: Arena) -> dict[str, list[psutil.Process]]:
    """Its processes by what they are, each the oldest first; commands are left out."""
    kinds: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in processes_of(arena):
        with suppress(psutil.Error, OSError):
            kind = kind_of(process)
            if kind is not None:
                kinds[kind].append(process)
    return kinds


def kind_of(process: psutil.Process) -> str | None:
    """One of `KINDS`; None: something else, such as a command."""
    words = process.cmdline()
    for word, kind in WORDS.items():
        if word in words:
            return kind
    if any("ipykernel_launcher" in word for word in words):
        return "kernel"
    if any(FORK_SERVER in word for word in words):
        # A forked kernel has the command line of its fork server, and a session of its own.
        is_leader = os.getsid(process.pid) == process.pid
        return "kernel" if is_leader else "fork server"
    return None


def zombies_of(arena: Arena) -> list[str]:
    """The zombies that a process of the campaign should have waited for, as text."""
    parents = {process.pid: process for process in processes_of(arena)}
    parents[os.getpid()] = psutil.Process()
    zombies = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            parent = parents.get(process.ppid())
            if parent is not None and process.status() == psutil.STATUS_ZOMBIE:
                zombies.append(f"{process.pid}, child of {describe(parent)}")
    return zombies


def describe(process: psutil.Process) -> str:
    """What a process is, in a few words."""
    with suppress(psutil.Error, OSError):
        own = "this caller" if process.pid == os.getpid() else None
        name = own or kind_of(process) or " ".join(process.cmdline())[:80]
        return f"{name} {process.pid}"
    return str(process.pid)


def end_all(arena: Arena) -> None:
    """Kill what is left of the campaign: workers first, as they start an engine again."""
    for _ in range(20):
        kinds = by_kind(arena)
        order = [*kinds["worker"], *kinds["engine"], *processes_of(arena)]
        if not order:
            return
        for process in order:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(order, timeout=0.5)
