"""Parked kernels as others find them: a file for each, in the home.

It holds the key to the kernel, with which anything can be carried out in it: its user alone can
read it, and it is nowhere else. It is there for as long as the kernel is parked. A worker that
is killed leaves its files behind: whoever looks sees that it is gone, and the engine, when it
finds out, and the next worker remove them.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from logging import getLogger
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument, NotParked
from flowkernel.core.process_id import is_alive

log = getLogger(__name__)
LEAST = 4  #: Characters of an id that may stand for it, inclusive.


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedKernel:
    """A kernel that is kept while somebody decides, and how it is reached."""

    execution_id: str
    name: str  #: Of the execution.
    notebook: str  #: The output notebook, as an absolute path.
    pid: int  #: Of the kernel; it leads a process group.
    process_started_at: float
    worker_pid: int
    worker_started_at: float
    connection: dict[str, Any] = field(repr=False)  #: As jupyter_client has it.

    @property
    def is_alive(self) -> bool:
        """Whether the kernel is there."""
        return is_alive(self.pid, self.process_started_at)

    @property
    def is_kept(self) -> bool:
        """Whether somebody keeps it: it goes with its worker."""
        return self.is_alive and is_alive(self.worker_pid, self.worker_started_at)


def find_parked(home: Path, execution_id: str) -> ParkedKernel:
    """The parked kernel of an execution: by its id, or the beginning or end of that.

    Raises:
        NotParked: It has none, or not any more.
        BadArgument: Several have such an id.
    """
    part = execution_id.strip().lower()
    here = {path.stem: path for path in _files(home)}
    ids = [one for one in here if one == part]
    if len(part) >= LEAST and not ids:
        ids = [one for one in here if one.startswith(part) or one.endswith(part)]
    if len(ids) > 1:
        raise BadArgument(
            f"{execution_id!r} can mean {', '.join(sorted(ids))}. Give more characters."
        )
    kernel = _read(here[ids[0]]) if ids else None
    if kernel is None:
        raise NotParked(execution_id, "it goes on, it has ended, or it never failed")
    if not kernel.is_kept:
        raise NotParked(kernel.execution_id, "its kernel is gone, with its variables")
    return kernel


def is_parked(home: Path, execution_id: str) -> bool:
    """Whether it is parked right now, as far as its worker says."""
    return _place(home, execution_id).exists()


@contextmanager
def published(home: Path, kernel: ParkedKernel) -> Iterator[None]:
    """Let others find it meanwhile. If that cannot be written, they do not."""
    try:
        publish(home, kernel)
    except OSError as error:
        log.warning(
            "nobody can attach to the kernel of %s: %s", kernel.execution_id, error
        )
    try:
        yield
    finally:
        withdraw(home, kernel.execution_id)


def publish(home: Path, kernel: ParkedKernel) -> None:
    """Say how it is reached: in one step, to its user alone.

    Raises:
        OSError: It cannot be written.
    """
    path = _place(home, kernel.execution_id)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(kernel), file, default=bytes.decode)  # The key is bytes.
    os.replace(draft, path)


def withdraw(home: Path, execution_id: str) -> None:
    """It is not parked any more."""
    with suppress(OSError):
        _place(home, execution_id).unlink(missing_ok=True)


def sweep_parked(home: Path) -> None:
    """Remove the files of kernels that nobody keeps."""
    for path in _files(home):
        kernel = _read(path)
        if kernel is None or not kernel.is_kept:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _place(home: Path, execution_id: str) -> Path:
    return home / "parked" / f"{execution_id}.json"


def _files(home: Path) -> list[Path]:
    return sorted((home / "parked").glob("*.json"))


def _read(path: Path) -> ParkedKernel | None:
    """What a file says; None if it is gone, or says nothing that can be understood."""
    try:
        record = json.loads(path.read_text("utf-8"))
        return ParkedKernel(
            **{one.name: record[one.name] for one in fields(ParkedKernel)}
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
