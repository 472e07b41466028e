"""Whether a process is there. A pid alone does not tell: the system gives it again."""

import psutil


def is_alive(pid: int, process_started_at: float) -> bool:
    """Whether that very process is still there (and not another with its pid).

    One that has ended and that nobody reaped is not.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - process_started_at) < 1.0
    except psutil.Error:
        return False


def started_at(pid: int | None = None) -> float:
    """When a process started, in seconds since the epoch; ours, if none is named.

    Raises:
        psutil.Error: It is not there.
    """
    return psutil.Process(pid).create_time()
