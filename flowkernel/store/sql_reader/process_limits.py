"""What the SQL reader may take of the machine, as the system itself enforces it."""

import fcntl
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

#: The system ends the reader before any other process when the memory of the machine is gone.
OOM_SCORE = "1000"
NICENESS = 5  #: Flows and the engine come first.
STATUS = Path("/proc/self/status")


def end_with_engine(lifeline: int) -> None:
    """Have the system kill this process when the engine closes its end, or dies.

    The system needs no help of this process, which may be deep in DuckDB.
    """
    os.set_blocking(lifeline, False)
    with suppress(AttributeError, OSError):  # Linux alone has it.
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    _end_if_closed(lifeline)


def _end_if_closed(lifeline: int) -> None:
    """The engine may have closed its end before the system watched it."""
    with suppress(BlockingIOError):
        if os.read(lifeline, 1) == b"":
            os.kill(os.getpid(), signal.SIGKILL)


def step_back() -> None:
    """Come after all others for the processor, and before them when memory is short."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # No gigabytes in a core file.


def limit_memory(megabytes: int) -> None:
    """Allow so much more memory than is in use now, and not a byte beyond."""
    size = memory_in_use() + megabytes * 1024 * 1024
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def memory_in_use() -> int:
    """Bytes that count against the limit: private memory that can be written to."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    sizes = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return int(next(sizes, "0")) * 1024
