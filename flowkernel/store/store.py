"""The store: one method for each query and each change. The only user of duckdb.

Synchronous, and safe to call from any thread. Changes go through the one writing thread into
the journal, and from there into the tables; each reader has a cursor of its own. While a
process has a store open, it must not open the file in any other way, not even to read its
bytes: closing it would release DuckDB's lock on the file, and a second process could damage it.
"""

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, Flow, FlowVersion, Json
from flowkernel.store import sql_files
from flowkernel.store.batch import Batch
from flowkernel.store.commit import Commit
from flowkernel.store.compaction import compact, remove_drafts
from flowkernel.store.database import MEMORY, copy_to, engine_error, open_file
from flowkernel.store.event_checks import check_text, checked_event
from flowkernel.store.journal.segments import has_events
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import Projector
from flowkernel.store.queries import Queries
from flowkernel.store.rebuild import rebuild
from flowkernel.store.startup import (
    catch_up,
    check_database_exists,
    load_state,
    open_journal,
)
from flowkernel.store.writer import Listener, Writer

T = TypeVar("T")


class Store(Queries):
    """Everything that flowkernel records: a DuckDB file, and the journal beside it.

    Opening it creates or migrates the tables, and writes to them what only the journal has.

    Args:
        path: The file, or ":memory:", which has no journal.
        journal: The folder of the journal; default: beside the file, named after it.
        memory: What DuckDB may use, in its own notation. Small, as a laptop has other uses.
        writable_folder: The only folder that `backup` and `compact` can write to.
        migrations: The SQL that leads to each version; default: those in `migrations/`.

    Raises:
        EngineError: The file cannot be opened, is not a store, or is newer than this program;
            or the journal belongs to another database.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        journal: Path | None = None,
        memory: str = "512MB",
        writable_folder: Path | None = None,
        migrations: Mapping[int, str] | None = None,
    ) -> None:
        self._writable_folder = writable_folder
        self._compaction_lock = threading.Lock()
        steps = sql_files.migrations() if migrations is None else migrations
        folder = None if str(path) == MEMORY else journal or Path(f"{path}.journal")
        check_database_exists(Path(path), folder)
        pool = CursorPool(
            lambda: open_file(
                str(path),
                memory=memory,
                writable_folder=writable_folder,
                migrations=steps,
            )
        )
        if writable_folder is not None:
            remove_drafts(writable_folder)
        try:
            self._open(str(path), pool, folder)
        except BaseException:
            pool.close()
            raise

    def _open(self, path: str, pool: CursorPool, folder: Path | None) -> None:
        journal = self._journal = open_journal(folder, pool) if folder else None
        projector = Projector(
            pool,
            applied=int(pool.meta()["applied_frame"]),
            reserve=folder / "reserve" if folder else None,
            after_flush=journal.compress_closed if journal else lambda: None,
        )
        super().__init__(path, pool, projector, load_state(pool))
        if folder is not None:
            catch_up(folder, self._state, projector)
        projector.open()
        self._writer = Writer(self._state, self._journal, projector)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Carry out the requests that wait, then close the file. Can be called twice."""
        self._writer.close()
        self._projector.close()
        if self._journal is not None:
            self._journal.close()
        self._pool.close()

    # ---- changes

    def append(self, events: Sequence[Event], *, strict: bool = True) -> list[Event]:
        """Record events; return those that were recorded, with `seq` and `root_id`.

        Returns once they are on disk.

        Args:
            events: In the order in which they happened. An event whose `event_id` was
                recorded lately is skipped, so that a caller without a reply can repeat it.
            strict: Whether a refused event refuses all of them. If not, it is skipped.

        Raises:
            MoveNotAllowed: An event would leave an ended status, or make a move that is
                not allowed. None of them is recorded.
            BadArgument: An event cannot be stored. None of them is recorded.
            DiskFull: None of them is recorded; reading still works.
            EngineFault: None of them is recorded.
        """
        valid = [checked_event(event) for event in events]
        if not valid:
            return []
        recorded: list[Event] = self._writer.submit(
            lambda batch: batch.append(valid, strict=strict)
        )
        return recorded

    def decide(self, decide: Callable[[Batch], T]) -> T:
        """Have something decided on the writing thread, by the state of that moment.

        Args:
            decide: Reads the batch, adds to it by its verbs, and returns the reply. It must be
                quick, and must call nothing else of the store. If it raises before a verb has
                added something, nothing is changed; so call one verb, and call it last.

        Returns:
            Its reply, once all is on disk.

        Raises:
            DiskFull, EngineFault: Nothing was recorded.
        """
        reply: T = self._writer.submit(decide)
        return reply

    def save_flow(self, flow: Flow) -> None:
        """Add the flow, or replace the flow that has its name."""
        check_text(flow)
        self._writer.submit(lambda batch: batch.save_flow(flow))

    def delete_flow(self, name: str) -> None:
        """Delete a flow. Its versions and executions stay.

        Raises:
            FlowNotFound: There is none. Suggests a similar name.
        """
        self._writer.submit(lambda batch: batch.delete_flow(name))

    def save_version(self, version: FlowVersion) -> None:
        """Record a source. Does nothing if the version is recorded already."""
        if version.flow_version not in self._state.version_hashes:
            check_text(version)
            self._writer.submit(lambda batch: batch.save_version(version))

    def follow(self, listener: Listener) -> Commit:
        """Call this with each commit from now on, in order, once it is on disk.

        It runs in the writing thread, before the callers get their replies: be quick.

        Returns:
            The moment that the first of these commits follows on.
        """
        return self._writer.follow(listener)

    def rebuild(self) -> None:
        """Make `execution`, `cell_run` and `message` again from `event`. All writing waits.

        Raises:
            EngineError: The tables are unchanged.
        """
        with self._writer.write_lock, self._projector.flushed():
            try:
                with self._pool.cursor() as reader:
                    rebuild(self._pool.writer_connection(), reader)
            except Exception as error:
                if not self._pool.roll_back():
                    self._pool.disconnect()
                raise engine_error(error, "The tables could not be rebuilt") from error
            self._state.replace_with(load_state(self._pool))

    def prune(self, root_ids: Collection[str]) -> list[str]:
        """Delete families that are not needed; return the paths of their notebooks.

        Raises:
            MoveNotAllowed: Something in one of them has not ended. None is deleted.
            DiskFull, EngineFault: None of them is deleted, or all of them will be later.
        """
        decide = partial(Batch.prune_families, root_ids=set(root_ids))
        records = self._read("notebooks_of", ids=list(root_ids))
        deleted = self.decide(decide)
        self._projector.flush()
        return [r["notebook_path"] for r in records if r["root_id"] in deleted]

    def delete(self, execution_id: str, ids: Collection[str]) -> list[str]:
        """Delete an execution; return the paths of the notebooks.

        Args:
            ids: It, and all executions that it started, and those that these started.

        Raises:
            MoveNotAllowed: One of them has not ended, or its retry needs it. None is deleted.
            DiskFull, EngineFault: None of them is deleted, or all of them will be later.
        """
        paths = self.notebook_paths(ids)
        self.decide(lambda batch: batch.delete(execution_id, set(ids)))
        self._projector.flush()
        return paths

    def notebook_paths(self, ids: Collection[str]) -> list[str]:
        """The output notebooks of families, by their roots, and of single executions.

        Raises:
            DiskFull, EngineFault: The tables lack something that was recorded or deleted.
        """
        self.flush()
        records = self._read("notebooks_of", ids=list(ids))
        return [record["notebook_path"] for record in records]

    def flush(self) -> None:
        """Have all that was recorded in the tables, for who reads them and must miss nothing.

        Raises:
            DiskFull, EngineFault: The tables lack something.
        """
        self._projector.flush()

    def prune_journal(self) -> int:
        """Remove what was pruned from the journal, too; return how many bytes that frees."""
        if self._journal is None:
            return 0
        with self._writer.write_lock:
            self._journal.close_segment()
        return self._journal.remove_pruned()

    def erase(self, ids: Set[str]) -> None:
        """Remove what is left of deleted executions from the journal.

        The segments that have some of it are written again. Reading and writing continue.
        In the free space of the database it stays until `compact`.

        Args:
            ids: Of executions, or of roots, whose families were deleted.

        Raises:
            DiskFull, EngineFault: Some of it is still there.
        """
        if self._journal is not None:
            keys = {execution_id.encode() for execution_id in ids}
            with self._writer.write_lock:
                if has_events(self._journal.folder, keys):
                    self._journal.close_segment()
            self._journal.erase(keys)

    def compact(self) -> None:
        """Replace the file by a copy without free space. Reading and writing continue.

        Raises:
            BadArgument: The database is in memory, or there is no writable folder.
            DiskFull, EngineFault: The file is unchanged.
        """
        if self._writable_folder is None or self._path == MEMORY:
            raise BadArgument("Only a database in a file can be compacted.")
        path, folder = Path(self._path), self._writable_folder
        with self._compaction_lock:
            compact(path, folder, self._pool, self._projector)

    @property
    def failed_tasks(self) -> list[dict[str, Json]]:
        """What the store does by itself, if it has failed since the store was opened."""
        count = self._projector.failure_count
        return [count.to_json()] if count.failures else []

    @property
    def last_frame(self) -> int:
        """The number of the last journal frame that is acknowledged."""
        return self._projector.added

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """As long as this lasts, nothing is written to the file, only to the journal."""
        with self._projector.table_lock:
            yield

    def file_state(self) -> tuple[int, ...]:
        """The same as before if nothing was written to the database file meanwhile.

        What is in the write-ahead log beside it does not count.
        """
        with self.at_rest():
            status = os.stat(self._path)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def backup(self, path: Path) -> None:
        """Copy all tables, as they are at one moment, into a new DuckDB file.

        Writing continues meanwhile. The file appears under its name when it is complete.

        Raises:
            BadArgument: The file exists already, or is not within the writable folder.
            DiskFull, EngineFault: There is no copy.
        """
        path = path.absolute()
        self._check_backup_path(path)
        draft = path.with_name(f"{path.name}.{new_id()}.part")
        self._projector.flush()
        try:
            with self._pool.cursor() as cursor:
                copy_to(cursor, draft)
            os.replace(draft, path)
        except (duckdb.Error, OSError) as error:
            draft.unlink(missing_ok=True)
            raise engine_error(
                error, f"The backup {str(path)!r} could not be written"
            ) from error

    def _check_backup_path(self, path: Path) -> None:
        folder = self._writable_folder
        if folder is None or folder.absolute() not in path.parents:
            raise BadArgument(f"A backup can only be written in {str(folder)!r}.")
        if path.exists():
            raise BadArgument(f"{str(path)!r} is there already. Choose another name.")
