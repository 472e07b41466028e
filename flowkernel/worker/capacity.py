"""How many executions a worker can have at the same time: by its files, and by the processes.

An execution that waits with a live kernel holds files and a thread of its worker, and the
threads of its kernel. What does not fit stays in the engine's queue.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cachetools import TTLCache, cached

#: Files of one execution, inclusive: eight as long as it has a kernel, and two for a moment,
#: while its notebook is saved or its kernel starts or is shut down.
FILES_EACH = 10
#: Files of the worker itself, inclusive: its logs, connections and libraries.
OWN_FILES = 64
#: Processes and threads of one execution, about: its thread, and those of ipykernel.
TASKS_EACH = 16
#: Those of the worker, and of what else the same limit holds for, that may start meanwhile.
OWN_TASKS = 64
#: Seconds for which the limits of control groups are kept: every poll asks for the capacity.
LIMIT_SECONDS = 5.0
CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")
LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many executions a worker can have, and why it cannot have more."""

    executions: int
    reason: str


def measure_capacity(held: int) -> Capacity | None:
    """The capacity of this worker, which has `held` executions; None: no limit is known."""
    if not LINUX:
        return None
    candidates = [_by_files(), *_by_tasks(held)]
    return min(candidates, key=lambda capacity: capacity.executions)


def _by_files() -> Capacity:
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = len(os.listdir(PROC / "self" / "fd"))
    return Capacity(
        max(1, (limit - OWN_FILES) // FILES_EACH),
        f"the worker has {count:,} of {limit:,} files open (`ulimit -Hn`), and an execution "
        f"takes up to {FILES_EACH}",
    )


def _by_tasks(held: int) -> Iterator[Capacity]:
    for count, limit, owner in [*_cgroup_limits(), *_user_limit()]:
        more = (limit - count - OWN_TASKS) // TASKS_EACH
        yield Capacity(
            max(1, held + more),
            f"{owner} has {count:,} of {limit:,} processes and threads, and an execution "
            f"takes about {TASKS_EACH}",
        )


def _cgroup_limits() -> Iterator[tuple[int, int, str]]:
    """Count, limit and owner, for each limit of the control groups of this process."""
    for folder, limit in limited_folders():
        with suppress(OSError, ValueError):
            count = int((folder / "pids.current").read_text())
            yield count, limit, "the container or session of the worker"


@cached(TTLCache(1, LIMIT_SECONDS))
def limited_folders() -> list[tuple[Path, int]]:
    """The folders of control groups with a limit, and the limit."""
    limits = []
    for folder in _cgroup_folders():
        with suppress(OSError, ValueError):  # Without a limit it says `max`.
            limits.append((folder, int((folder / "pids.max").read_text())))
    return limits


def _cgroup_folders() -> list[Path]:
    """The folders of the control groups that can limit this process."""
    with suppress(OSError, ValueError):
        for line in (PROC / "self" / "cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds == "" or "pids" in kinds.split(","):
                root = CGROUPS if kinds == "" else CGROUPS / "pids"
                inner = root / path.lstrip("/")
                if root in (inner, *inner.parents) and ".." not in inner.parts:
                    return [inner, *inner.parents[: len(inner.parts) - len(root.parts)]]
    return []


def _user_limit() -> Iterator[tuple[int, int, str]]:
    """Count, limit and owner, if the system limits the processes of this user."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if limit == resource.RLIM_INFINITY or os.getuid() == 0:
        return
    everybody = _tasks_of_everybody()
    if limit - everybody > OWN_TASKS + TASKS_EACH:  # Mostly: counting takes a while.
        yield everybody, limit, "this machine"
    else:
        yield _tasks_of_user(os.getuid()), limit, "this user"


def _tasks_of_everybody() -> int:
    """The processes and threads of all users."""
    with suppress(OSError, ValueError, IndexError):
        running_and_all = (PROC / "loadavg").read_text().split()[3]
        return int(running_and_all.partition("/")[2])
    return 0


def _tasks_of_user(user: int) -> int:
    count = 0
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if folder.stat().st_uid == user:
                count += len(os.listdir(folder / "task"))
    return count
