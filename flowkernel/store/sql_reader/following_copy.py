"""A copy of the database, for SQL questions alone, which follows the journal of the engine."""

import os
import shutil
import threading
from pathlib import Path

from flowkernel.core.errors import DiskFull
from flowkernel.store.database import connect, create_or_check, migrate
from flowkernel.store.journal.follower import JournalFollower
from flowkernel.store.journal.segments import last_frame
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import TRANSACTION_BYTES, Projector
from flowkernel.store.queries import Queries
from flowkernel.store.sql_files import migrations
from flowkernel.store.startup import load_state, replay

#: What the copy leaves free on the disk, in bytes: the engine needs room to record.
FREE_BYTES = 64 * 1024 * 1024
#: Bytes of the journal that the copy may lack while nobody asks.
MAX_LAG = 1024 * 1024
#: No temporary files on the disk; and a copy need not outlive the machine.
SETTINGS = {"temp_directory": "", "fsync_mode": "NONE"}


def copy_file(source: Path, target: Path) -> None:
    """Copy the database with its write-ahead log, in a process that is not the engine.

    Opening and closing the file in the engine itself would release DuckDB's lock on it.

    Raises:
        DiskFull: There is too little room for it.
    """
    _check_room(source, target.parent)
    _copy(source, target)
    log, log_copy = Path(f"{source}.wal"), Path(f"{target}.wal")
    log_copy.unlink(missing_ok=True)
    if log.exists():
        _copy(log, log_copy)


def _check_room(source: Path, folder: Path) -> None:
    size, free = source.stat().st_size, shutil.disk_usage(folder).free
    if free < size + FREE_BYTES:
        raise DiskFull(
            f"SQL is answered from a copy of the database. It needs {size:,} bytes, and "
            f"leaves {FREE_BYTES:,} free; the disk of {str(folder)!r} has {free:,}. Free "
            "some space and ask again."
        )


def _copy(source: Path, target: Path) -> None:
    """Copy one file; some file systems share the blocks, which takes no time and no room."""
    with open(source, "rb") as old, open(target, "wb") as new:
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), 2**30):
                pass
        except (AttributeError, OSError):
            new.seek(0)
            shutil.copyfileobj(old, new)


class FollowingCopy(Queries):
    """The tables of the copy, as they are at any frame of the journal since it was made.

    The same projector as in the engine takes the frames into the tables.

    Args:
        path: The copy.
        journal: The folder of the engine's journal.
        megabytes: What DuckDB itself may use.

    Raises:
        EngineError: The copy cannot be opened.
    """

    def __init__(self, path: Path, *, journal: Path, megabytes: int) -> None:
        self._follow_lock = threading.Lock()
        self._journal_folder = journal
        pool = CursorPool(lambda: _open(str(path), megabytes))
        applied = int(pool.meta()["applied_frame"])
        projector = Projector(pool, applied=applied)
        self._follower = JournalFollower(journal, applied)
        # Ids of events are for what is recorded here.
        super().__init__(str(path), pool, projector, load_state(pool, event_ids=0))

    def follow(self, frame: int) -> None:
        """Have at least all frames up to this one in the tables.

        Raises:
            EngineError: That is not possible. The copy is of no use then.
        """
        with self._follow_lock:
            for content in self._follower.read(frame):
                replay(content, self._state, self._projector)
                if self._projector.backlog_size >= TRANSACTION_BYTES:
                    self._projector.flush()
            self._projector.flush()

    def keep_up(self) -> None:
        """Follow if much was recorded meanwhile, so that the next question waits little."""
        if self._follower.size_ahead() > MAX_LAG:
            # The last frame may not be acknowledged yet; the one before it is.
            self.follow(last_frame(self._journal_folder) - 1)


def _open(path: str, megabytes: int) -> object:
    memory = f"{megabytes}MB"
    connection = connect(path, memory=memory, writable_folder=None, **SETTINGS)
    steps = migrations()
    # The engine may be of an older version than this program.
    if create_or_check(connection, path, steps):
        migrate(connection, path, steps)
    return connection
