"""Whether a process is alive. A pid alone is not enough: the system uses it again."""

from collections.abc import Collection

import psutil


def is_alive(pid: int, process_started_at: float) -> bool:
    """Whether this process is alive, and is not another one with the same pid.

    A zombie, which has ended and was not waited for, is not alive.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - process_started_at) < 1.0
    except psutil.Error:
        return False


def named_in_processes(words: Collection[str]) -> set[str]:
    """Which of these words are an argument of a process that is alive."""
    named: set[str] = set()
    for process in psutil.process_iter(["cmdline"]):
        named.update(word for word in process.info["cmdline"] or () if word in words)
    return named


def started_at(pid: int | None = None) -> float:
    """When a process started, in seconds since the epoch. Default: this process.

    Raises:
        psutil.Error: There is no such process.
    """
    return psutil.Process(pid).create_time()
