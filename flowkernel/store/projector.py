"""Writing what is in the journal to the tables: soon by itself, or at once on request."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path

from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.core.failure_count import FailureCount
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.store.database import engine_error
from flowkernel.store.journal.disk_reserve import DiskReserve
from flowkernel.store.pending_changes import PendingChanges, belongs_to
from flowkernel.store.pool import CursorPool
from flowkernel.store.tables import write_changes

#: Seconds from an acknowledgement until the tables have it, about, if nobody reads them and
#: little is recorded. Each transaction costs milliseconds of CPU time, however small it is.
FLUSH_INTERVAL = 1.0
#: Bytes of the journal that are written without that pause: who reads waits for what is left.
FLUSH_BYTES = 256 * 1024
#: Seconds from a failure until the next attempt.
RETRY_INTERVAL = 1.0
#: Bytes of the journal in one transaction, about: bounds its memory.
TRANSACTION_BYTES = 8 * 1024 * 1024
#: Bytes of the journal that the tables may lack. Beyond that nothing more is recorded.
MAX_BACKLOG = 64 * 1024 * 1024
logger = getLogger(__name__)


class Projector:
    """Takes changes that are on disk in the journal, and writes them to the tables.

    Small changes are merged, so that many share a transaction. Until they are written,
    `find_execution` and `find_version` find them here. Nothing is written before `open` or
    `flush`.

    Args:
        pool: The connections to the database.
        applied: The number of the last frame that the tables have.
        reserve: The file that keeps disk space in reserve; None: no reserve.
        after_flush: Called in the thread of the projector after each flush.
    """

    def __init__(
        self,
        pool: CursorPool,
        *,
        applied: int,
        reserve: Path | None = None,
        after_flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.table_lock = threading.Lock()  #: Held while the tables change.
        #: Held while the journal grows, or while the disk reserve is released for the tables.
        self.disk_space_lock = threading.Lock()
        #: The numbers of the last frame that was added, and of the last that the tables have.
        self.added = self.applied = applied
        self._pool = pool
        self._reserve = DiskReserve(reserve)
        self._backlog_lock = threading.Lock()  #: Guards the two fields that follow.
        self._backlog: deque[PendingChanges] = deque()
        self._current: PendingChanges | None = None  #: What is being written now.
        #: What was written since frame `_recorded_from`; None: that is not recorded.
        self._recorded: list[PendingChanges] | None = None
        self._recorded_from = 0
        self._after_flush = after_flush
        #: The failures of the thread that writes without a request.
        self.failure_count = FailureCount("write to the tables")
        self._wake_up = threading.Event()
        #: There is much to write, or it is closing.
        self._is_urgent = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="store-projector", daemon=True
        )

    def open(self) -> None:
        """Start the thread that writes without a request."""
        self._reserve.fill()
        self._thread.start()

    def close(self) -> None:
        """Write what is left, if that is possible, and stop the thread."""
        self._closing.set()
        self._is_urgent.set()
        self._wake_up.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush_if_possible()

    def add(self, changes: PendingChanges) -> None:
        """Take changes that are in the journal now."""
        with self._backlog_lock:
            self._enqueue(changes)
            self.added = changes.frame
            is_much = self._backlog[-1].size >= FLUSH_BYTES
        if is_much:
            self._is_urgent.set()
        self._wake_up.set()

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution with all changes so far; None if there is none."""
        with self._backlog_lock:
            parts = self._newest_first()
            pruned = set().union(*(part.pruned for part in parts))
            candidates = (part.executions.get(execution_id) for part in parts)
            execution = next(filter(None, candidates), None)
        execution = execution or self._pool.find_execution(execution_id)
        return None if execution is None or belongs_to(execution, pruned) else execution

    def find_version(self, flow_version: str) -> FlowVersion | None:
        """The flow version; None if there is none."""
        with self._backlog_lock:
            for changes in self._newest_first():
                if flow_version in changes.versions:
                    return changes.versions[flow_version].version
        return self._pool.find_version(flow_version)

    @property
    def backlog_size(self) -> int:
        """Bytes of the journal that the tables lack."""
        with self._backlog_lock:
            return sum(part.size for part in self._newest_first())

    def limit_backlog(self) -> None:
        """Write the backlog to the tables if it has become too large.

        Raises:
            DiskFull, EngineFault: It is too large and cannot be written.
        """
        if self.backlog_size < MAX_BACKLOG:
            return
        try:
            self.flush()
        except DiskFull:
            raise
        except EngineError as error:
            raise EngineFault(
                f"Nothing more can be recorded: {self.backlog_size:,} bytes wait in the "
                f"journal, and the database does not take them in. {error}"
            ) from error

    def flush(self) -> None:
        """Write everything to the tables that was added before this call.

        Raises:
            DiskFull, EngineFault: It stays in the journal and in memory.
        """
        last_frame = self.added
        if self.applied < last_frame:
            with self.table_lock:
                if self.applied < last_frame:  # Another thread may have written it.
                    self._flush()

    def flush_if_possible(self) -> None:
        """The same for readers who can use older tables. A failure is logged."""
        try:
            self.flush()
        except EngineError as error:
            logger.warning(f"What is in the journal is not in the tables yet: {error}")

    def start_recording(self) -> None:
        """Keep what is written from now on. Only within `flushed`."""
        self._recorded = []
        self._recorded_from = self.applied

    def stop_recording(self) -> None:
        """Keep it no longer."""
        self._recorded = None

    def repeat_recorded(self) -> None:
        """Put what was recorded at the head of the backlog again.

        For a file that was copied when the recording started. Only the holder of
        `table_lock` may call this.
        """
        assert self._recorded is not None
        with self._backlog_lock:
            self._backlog.extendleft(reversed(self._recorded))
            self._recorded = None
            self.applied = self._recorded_from

    @contextmanager
    def flushed(self) -> Iterator[None]:
        """Flush; as long as this lasts, nothing more is written to the tables.

        Raises:
            DiskFull, EngineFault: The backlog cannot be written.
        """
        with self.table_lock:
            self._flush()
            yield

    def _enqueue(self, changes: PendingChanges) -> None:
        """Add changes to the last of the backlog, if both fit into one transaction."""
        last = self._backlog[-1] if self._backlog else None
        if last is not None and last.size + changes.size <= TRANSACTION_BYTES:
            last.add(changes)
        else:
            self._backlog.append(PendingChanges.merged([changes]))

    def _newest_first(self) -> list[PendingChanges]:
        current = [self._current] if self._current else []
        return [*reversed(self._backlog), *current]

    def _flush(self) -> None:
        """Write what is in the backlog now; what is added later stays for the next flush."""
        last_frame = self.added
        while self.applied < last_frame:
            with self._backlog_lock:
                changes = self._current = self._backlog.popleft()
            try:
                self._write(changes)
            except Exception as error:
                with self._backlog_lock:
                    self._backlog.appendleft(changes)
                    self._current = None
                raise engine_error(
                    error, "The database could not be written to"
                ) from error
            with self._backlog_lock:
                self.applied, self._current = changes.frame, None
            if self._recorded is not None:
                self._recorded.append(changes)

    def _write(self, changes: PendingChanges) -> None:
        """Write changes; if the disk is full, once more with the space of the reserve."""
        try:
            self._commit(changes)
        except Exception as error:
            if not isinstance(engine_error(error, ""), DiskFull):
                raise
            with self.disk_space_lock:
                try:
                    self._reserve.release()
                    self._commit(changes)
                finally:
                    self._reserve.fill()
        else:
            self._reserve.fill()

    def _commit(self, changes: PendingChanges) -> None:
        connection = self._pool.writer_connection()
        try:
            connection.begin()
            write_changes(connection, changes)
            connection.commit()
        except Exception:
            if self._pool.roll_back() or not self._was_committed(changes):
                raise

    def _was_committed(self, changes: PendingChanges) -> bool:
        """Open again a file that DuckDB gave up; it may have failed after the commit."""
        logger.warning("DuckDB gave the file up; it is opened again")
        self._pool.disconnect()
        return int(self._pool.meta()["applied_frame"]) >= changes.frame

    def _run(self) -> None:
        pause, alarm = FLUSH_INTERVAL, self._is_urgent
        while not self._closing.is_set():
            self._wake_up.wait()
            alarm.wait(pause)
            self._is_urgent.clear()
            self._wake_up.clear()
            try:
                self.flush()
                self._after_flush()
                self.failure_count.note_success()
                pause, alarm = FLUSH_INTERVAL, self._is_urgent
            except Exception as error:
                pause, alarm = self._note_failure(error), self._closing

    def _note_failure(self, error: Exception) -> float:
        """Log a failure of the thread; return the seconds until it tries again."""
        count = self.failure_count
        count.note_failure(error)
        if isinstance(error, OSError):
            # From compressing the journal, which is unharmed.
            logger.warning(f"The journal could not be compressed: {error}")
            return FLUSH_INTERVAL
        self._wake_up.set()
        if not isinstance(error, EngineError):
            logger.exception("writing to the tables failed")
            return count.pause
        if count.failures_in_a_row == 1:
            logger.warning(f"{error} It is tried again every second.")
        return RETRY_INTERVAL
