"""What a process inherits from its parent for good, and so a kernel from its fork server."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from flowkernel.core.open_files import original_limit

LINUX = sys.platform == "linux"
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def inherited_state() -> list[Any]:
    """Machine, container, user, groups, limits, cores, priority and cgroup, as JSON values."""
    if not LINUX:
        return []
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    limits = [_limits_of_kernels(getattr(resource, name)) for name in names]
    return [
        *_machine_and_container(),
        [os.getuid(), os.getgid(), sorted(os.getgroups())],
        [limits, sorted(os.sched_getaffinity(0)), os.nice(0)],
        _read("/proc/self/cgroup"),
    ]


def _limits_of_kernels(kind: int) -> tuple[int, int]:
    """The limits of this process, as its kernels have them."""
    import resource

    soft, hard = resource.getrlimit(kind)
    original = original_limit() if kind == resource.RLIMIT_NOFILE else None
    return soft if original is None else original, hard


@cache
def _machine_and_container() -> tuple[str, list[str]]:
    """The boot id of the machine, and the namespaces: containers may share a folder."""
    namespaces = [_link(f"/proc/self/ns/{name}") for name in NAMESPACES]
    return _read("/proc/sys/kernel/random/boot_id"), namespaces


def umask() -> int:
    """The mask for new files. `os.umask` cannot read it without changing it."""
    for line in _read("/proc/self/status").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
