"""What a process has from its parent for good, and a fork has from its fork server."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def surroundings() -> list[Any]:
    """Machine and container, user and groups, limits, cores and priority, in values of JSON."""
    if not LINUX:
        return []
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    limits = [resource.getrlimit(getattr(resource, name)) for name in names]
    return [
        *_place(),
        [os.getuid(), os.getgid(), sorted(os.getgroups())],
        [limits, sorted(os.sched_getaffinity(0)), os.nice(0)],
        _read("/proc/self/cgroup"),
    ]


@cache
def _place() -> tuple[str, list[str]]:
    """This boot of this machine, and the container: a folder may be shared between them."""
    spaces = [_link(f"/proc/self/ns/{name}") for name in NAMESPACES]
    return _read("/proc/sys/kernel/random/boot_id"), spaces


def umask() -> int:
    """The mask for new files: to ask by os.umask() is to change it, for every thread."""
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
