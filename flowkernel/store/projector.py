"""What is in the journal into the tables: soon by itself, or at once for who must see it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path

from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.store.database import fault
from flowkernel.store.journal.disk_reserve import DiskReserve
from flowkernel.store.pending_changes import PendingChanges, is_among
from flowkernel.store.pool import CursorPool
from flowkernel.store.tables import write

FOLD_EVERY = 0.25  #: Seconds between what is acknowledged and the tables, about.
FOLD_BYTES = 8 * 1024 * 1024  #: Of the journal, in one transaction: bounds its memory.
TRY_AGAIN = 1.0  #: Seconds after a failure.
MAX_UNFOLDED = (
    64 * 1024 * 1024
)  #: Bytes of the journal that may wait; then nothing more.
logger = getLogger(__name__)


class Projector:
    """Takes changes that are on disk, and writes them to the tables, many at a time."""

    def __init__(
        self,
        pool: CursorPool,
        *,
        applied: int,
        reserve: Path | None = None,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        """`tidy` is called now and then, when there is time."""
        self.busy = threading.Lock()  #: Held while the tables change.
        self.room = threading.Lock()  #: Held to take room on the disk, or to lend some.
        self.added = self.applied = applied  #: The last frame, here and in the tables.
        self._pool = pool
        self._reserve = DiskReserve(reserve)
        self._lock = threading.Lock()  #: Held to look at the two that follow.
        self._waiting: deque[PendingChanges] = deque()
        self._under_way: PendingChanges | None = None
        self._kept: list[PendingChanges] | None = (
            None  #: What was folded since `_kept_from`.
        )
        self._kept_from = 0
        self._tidy = tidy
        self._news = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="store-folding", daemon=True
        )

    def open(self) -> None:
        """Begin to fold without being asked."""
        self._reserve.keep()
        self._thread.start()

    def close(self) -> None:
        """Fold what there is, if that can be done, and stop."""
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self.settle_if_possible()

    def add(self, changes: PendingChanges) -> None:
        """Take what is in the journal now."""
        with self._lock:
            self._put(changes)
            self.added = changes.frame
        self._news.set()

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution as it stands; None if there is none."""
        with self._lock:
            parts = self._newest_first()
            pruned = set().union(*(part.pruned for part in parts))
            known = (part.executions.get(execution_id) for part in parts)
            found = next(filter(None, known), None)
        found = found or self._pool.find_execution(execution_id)
        return None if found is None or is_among(found, pruned) else found

    def find_version(self, flow_version: str) -> FlowVersion | None:
        """One source; None if there is none."""
        with self._lock:
            for changes in self._newest_first():
                if flow_version in changes.versions:
                    return changes.versions[flow_version].version
        return self._pool.find_version(flow_version)

    @property
    def unfolded(self) -> int:
        """Bytes of the journal that the tables do not have."""
        with self._lock:
            return sum(part.size for part in self._newest_first())

    def make_room(self) -> None:
        """See that there is not too much unfolded.

        Raises:
            DiskFull, EngineFault: There is, and it cannot be folded.
        """
        if self.unfolded < MAX_UNFOLDED:
            return
        try:
            self.settle()
        except DiskFull:
            raise
        except EngineError as error:
            raise EngineFault(
                f"Nothing more can be recorded: {self.unfolded:,} bytes wait in the journal, "
                f"and the database does not take them in. {error}"
            ) from error

    def settle(self) -> None:
        """Fold all that was added before.

        Raises:
            DiskFull, EngineFault: It stays in the journal and in memory.
        """
        wanted = self.added
        if self.applied < wanted:
            with self.busy:
                if self.applied < wanted:  # Else somebody else has folded it meanwhile.
                    self._settle()

    def settle_if_possible(self) -> None:
        """The same for who can go on with older tables. Says so in the log."""
        try:
            self.settle()
        except EngineError as error:
            logger.warning(f"What is in the journal is not in the tables yet: {error}")

    def remember(self) -> None:
        """Keep what is folded from now on. Only within `standing_still`."""
        self._kept = []
        self._kept_from = self.applied

    def forget(self) -> None:
        """Keep it no longer."""
        self._kept = None

    def fold_again(self) -> None:
        """Fold what was kept once more, into the file as it was when that began. Only for
        the holder of `busy`."""
        assert self._kept is not None
        with self._lock:
            self._waiting.extendleft(reversed(self._kept))
            self._kept = None
            self.applied = self._kept_from

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """All is folded, and nothing is while this lasts.

        Raises:
            DiskFull, EngineFault: It cannot be folded.
        """
        with self.busy:
            self._settle()
            yield

    def _put(self, changes: PendingChanges) -> None:
        """Behind what waits, or into the last of it: small batches share a transaction."""
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.size + changes.size <= FOLD_BYTES:
            last.add(changes)
        else:
            self._waiting.append(PendingChanges.merged([changes]))

    def _newest_first(self) -> list[PendingChanges]:
        under_way = [self._under_way] if self._under_way else []
        return [*reversed(self._waiting), *under_way]

    def _settle(self) -> None:
        """Fold what waits now; what comes meanwhile is for the next time."""
        wanted = self.added
        while self.applied < wanted:
            with self._lock:
                changes = self._under_way = self._waiting.popleft()
            try:
                self._fold(changes)
            except Exception as error:
                with self._lock:
                    self._waiting.appendleft(changes)
                    self._under_way = None
                raise fault(error, "The database could not be written to") from error
            with self._lock:
                self.applied, self._under_way = changes.frame, None
            if self._kept is not None:
                self._kept.append(changes)

    def _fold(self, changes: PendingChanges) -> None:
        try:
            self._commit(changes)
        except Exception as error:
            if not isinstance(fault(error, ""), DiskFull):
                raise
            with self.room:
                try:
                    self._reserve.give()
                    self._commit(changes)
                finally:
                    self._reserve.keep()
        else:
            self._reserve.keep()

    def _commit(self, changes: PendingChanges) -> None:
        connection = self._pool.writing()
        try:
            connection.begin()
            write(connection, changes)
            connection.commit()
        except Exception:
            if self._pool.undo() or not self._was_folded(changes):
                raise

    def _was_folded(self, changes: PendingChanges) -> bool:
        """Open a file that DuckDB gave up, and see: it may have failed after the commit."""
        logger.warning("DuckDB gave the file up; it is opened again")
        self._pool.give_up()
        return int(self._pool.meta()["applied_frame"]) >= changes.frame

    def _run(self) -> None:
        pause = FOLD_EVERY
        while not self._closing.is_set():
            self._news.wait()
            self._closing.wait(pause)
            self._news.clear()
            try:
                self.settle()
                pause = FOLD_EVERY
                self._tidy()
            except OSError as error:  # Of the journal: what is there stays as it is.
                logger.warning(f"The journal could not be compressed: {error}")
            except EngineError as error:
                if pause == FOLD_EVERY:
                    logger.warning(f"{error} It is tried again every second.")
                pause = TRY_AGAIN
                self._news.set()
