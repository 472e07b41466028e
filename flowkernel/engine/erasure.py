"""Removing from the files of a home what was deleted from the record.

The rows of a deleted run are gone at once. Its events are still in the journal, its values in
free space of the database file, and in the copy of the SQL reader. To remove them, segments and
the file are written again, in the background: for all that was deleted meanwhile together. A
mark on disk says what is still to be removed, so that the next engine does it after a kill.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from flowkernel.core.clock import monotonic
from flowkernel.core.private_files import replace_private
from flowkernel.engine.database_copy import compact
from flowkernel.home import Home, home_error
from flowkernel.store import Store

SOON = 0.2  #: Seconds from a deletion until what is left is removed, at least.
#: The same if a program deletes again and again: a flow that deletes its tries, for example.
PROGRAM_SECONDS = 30.0
#: A removal that took t seconds is followed by the next one after this many times t: so
#: removing takes 5 % of the time at most.
DELAY_FACTOR = 20


class Erasure:
    """What is still to be removed from the files of one home. Safe in threads."""

    def __init__(self, store: Store, home: Home, drop_copy: Callable[[], None]) -> None:
        """Read what an engine that was killed had still to remove.

        Args:
            drop_copy: Deletes the copy of the database from which SQL is answered.
        """
        self._store = store
        self._home = home
        self._drop_copy = drop_copy
        self._lock = Lock()
        #: When the last removal ended, and its seconds.
        self._ended_at = self._seconds = 0.0
        self._ids = _read(home.erasure_mark)
        #: The ids of deletions that are under way.
        self._being_deleted: Counter[str] = Counter()
        #: The ids of deletions that began since the last removal did.
        self._begun: set[str] = set()
        #: Those that only the journal still has: the removal from it failed.
        self._in_journal: set[str] = set()

    @property
    def is_due(self) -> bool:
        """Whether something is left to remove."""
        return bool(self._ids)

    @contextmanager
    def deleting(self, ids: Set[str]) -> Iterator[None]:
        """Note on disk that what is left of these is to be removed; then they are deleted.

        What exists in the end is left alone.

        Raises:
            HomeNotWritable, DiskFull: It cannot be noted.
        """
        with self._lock:
            self._write(self._ids | ids)
            self._being_deleted += Counter(ids)
            self._begun |= ids
        try:
            yield
        finally:
            with self._lock:
                self._being_deleted -= Counter(ids)

    def delay(self, *, is_person: bool) -> float:
        """Seconds from a deletion until what is left is to be removed."""
        pause = self._seconds * DELAY_FACTOR
        if not is_person:
            pause = max(pause, PROGRAM_SECONDS)
        since = monotonic() - self._ended_at if self._ended_at else pause
        return max(SOON, pause - since)

    def run(self) -> None:
        """Remove what is left of all that was deleted until now.

        Raises:
            EngineError: Some of it is still there, and the mark, too.
        """
        with self._lock:
            ids = self._ids - self._being_deleted.keys()
            self._begun = set()
        if not ids:
            return
        start = monotonic()
        find = self._store.find_execution
        gone = {execution_id for execution_id in ids if find(execution_id) is None}
        try:
            if gone:
                self._erase(gone)
        finally:
            self._ended_at = monotonic()
            self._seconds = self._ended_at - start
        with self._lock:
            self._write(self._ids - (ids - self._begun))

    def _erase(self, ids: set[str]) -> None:
        """Remove them from all files, also if one segment of the journal cannot be read."""
        try:
            self._store.erase(ids)
        finally:
            if ids - self._in_journal:
                compact(self._store, self._home)
                self._drop_copy()  # Last: another one is a copy of the file.
                self._in_journal = ids

    def _write(self, ids: set[str]) -> None:
        try:
            _replace(self._home.erasure_mark, ids)
        except OSError as error:
            raise home_error(self._home.path, error) from error
        self._ids = ids


def _read(mark: Path) -> set[str]:
    with suppress(OSError, UnicodeDecodeError):
        return set(mark.read_text("ascii").split())
    return set()


def _replace(mark: Path, ids: set[str]) -> None:
    """Write the mark in one step, and have it on disk; no ids: remove it."""
    if not ids:
        mark.unlink(missing_ok=True)
        return
    replace_private(mark, "\n".join(sorted(ids)).encode("ascii"), is_durable=True)
