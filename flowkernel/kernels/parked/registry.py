"""Parked kernels as other programs find them: one file for each, in the home.

The file has the key of the kernel, with which any code can be executed in it. So only its user
can read it, and the key is in no other place. The file exists as long as the kernel is parked.
A worker that is killed leaves its files behind: readers see that the worker is gone, and the
engine or the next worker removes the files.
"""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from logging import getLogger
from math import isfinite
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument, NotParked
from flowkernel.core.private_files import replace_private
from flowkernel.core.process_id import is_alive
from flowkernel.home import MAX_PID

log = getLogger(__name__)
MIN_ID_PART = 4  #: Characters of a shortened id, inclusive.
MAX_BYTES = 100_000  #: Of a file, inclusive. A record has about 1,000.
#: How a file is opened whose kind is not known: follows no link, waits for no pipe.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedKernel:
    """A kernel that people may attach to, and how to connect to it.

    It is kept until a decision on its execution, or after the end of that.
    """

    execution_id: str
    name: str  #: Of the execution.
    notebook: str  #: The output notebook, as an absolute path.
    pid: int  #: Of the kernel; it leads a process group.
    process_started_at: float
    worker_pid: int
    worker_started_at: float
    connection: dict[str, Any] = field(repr=False)  #: As jupyter_client has it.
    has_ended: bool = False  #: Its run is over; no decision is waited for.

    @property
    def is_alive(self) -> bool:
        """Whether the kernel runs."""
        return is_alive(self.pid, self.process_started_at)

    @property
    def is_kept(self) -> bool:
        """Whether its worker runs too, without which it ends."""
        return self.is_alive and is_alive(self.worker_pid, self.worker_started_at)


def find_parked(home: Path, execution_id: str) -> ParkedKernel:
    """The parked kernel of an execution: by its id, or the beginning or end of that.

    Raises:
        NotParked: It has none, or no longer.
        BadArgument: Several executions have such an id.
    """
    part = execution_id.strip().lower()
    paths = {path.stem: path for path in _files(home)}
    ids = [id_ for id_ in paths if id_ == part]
    if len(part) >= MIN_ID_PART and not ids:
        ids = [id_ for id_ in paths if id_.startswith(part) or id_.endswith(part)]
    if len(ids) > 1:
        raise BadArgument(
            f"{execution_id!r} can mean {', '.join(sorted(ids))}. Give more characters."
        )
    kernel = _read(paths[ids[0]]) if ids else None
    if kernel is None:
        reason = "it has continued or ended, or it keeps its kernel no longer"
        raise NotParked(execution_id, reason)
    if not kernel.is_kept:
        raise NotParked(kernel.execution_id, "its kernel is gone, with its variables")
    return kernel


def list_parked(home: Path) -> list[ParkedKernel]:
    """All kernels that are parked now."""
    kernels = [_read(path) for path in _files(home)]
    return [kernel for kernel in kernels if kernel is not None and kernel.is_kept]


def is_parked(home: Path, execution_id: str) -> bool:
    """Whether its kernel is parked now, as its worker has published."""
    return _path(home, execution_id).exists()


@contextmanager
def published(home: Path, kernel: ParkedKernel) -> Iterator[None]:
    """Publish a parked kernel as long as this lasts. If that fails, a warning is logged."""
    try:
        publish(home, kernel)
    except OSError as error:
        log.warning(
            "no program can attach to the kernel of %s: %s", kernel.execution_id, error
        )
    try:
        yield
    finally:
        withdraw(home, kernel.execution_id)


def publish(home: Path, kernel: ParkedKernel) -> None:
    """Write the file of a parked kernel, in one step and readable by its user alone.

    Raises:
        OSError: It cannot be written.
    """
    path = _path(home, kernel.execution_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    text = json.dumps(asdict(kernel), default=bytes.decode)  # The key is bytes.
    replace_private(path, text.encode())


def withdraw(home: Path, execution_id: str) -> None:
    """Remove the file of a kernel that is no longer parked."""
    with suppress(OSError):
        _path(home, execution_id).unlink(missing_ok=True)


def sweep_parked(home: Path) -> None:
    """Remove the files of kernels that ended, or whose worker ended.

    What is no file of this user is passed over.
    """
    for path in filter(_is_own_file, _files(home)):
        kernel = _read(path)
        if kernel is None or not kernel.is_kept:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _path(home: Path, execution_id: str) -> Path:
    return home / "parked" / f"{execution_id}.json"


def _files(home: Path) -> list[Path]:
    return sorted((home / "parked").glob("*.json"))


def _is_own_file(path: Path) -> bool:
    with suppress(OSError):
        status = path.lstat()
        is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if is_own and stat.S_ISREG(status.st_mode):
            return True
        log.warning("passed over, as no file of this user: %r", str(path))
    return False


def _read(path: Path) -> ParkedKernel | None:
    """The kernel of a file; None if the file is gone or is not valid."""
    try:
        record = json.loads(_content(path))
        names = [item.name for item in fields(ParkedKernel) if item.name in record]
        kernel = ParkedKernel(**{name: record[name] for name in names})
        if not _is_valid(kernel) or kernel.execution_id != path.stem:
            raise ValueError("it describes no kernel")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("passed over, as it cannot be read: %r: %r", str(path), error)
        return None
    return kernel


def _content(path: Path) -> bytes:
    with open(os.open(path, _OPEN_FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return content


def _is_valid(kernel: ParkedKernel) -> bool:
    """Whether a record has values that the system can have."""
    texts = (kernel.execution_id, kernel.name, kernel.notebook)
    pids = (kernel.pid, kernel.worker_pid)
    moments = (kernel.process_started_at, kernel.worker_started_at)
    return (
        all(isinstance(text, str) for text in texts)
        and all(type(pid) is int and 0 < pid < MAX_PID for pid in pids)
        and all(isinstance(moment, float) and isfinite(moment) for moment in moments)
        and isinstance(kernel.connection, dict)
        and isinstance(kernel.has_ended, bool)
    )
