"""The store: one method per question or change. The only user of duckdb.

Synchronous, and safe to call from any thread. Changes go through the one writing thread into
the journal, and from there into the tables; readers have a cursor each. The process that has
a store open must never open its file in any other way: closing it again would take DuckDB's
lock away, and data with it.
"""

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, Flow, FlowVersion
from flowkernel.store import sql_files
from flowkernel.store.batch import checked, checked_text
from flowkernel.store.compaction import clean, compact
from flowkernel.store.database import MEMORY, copy_to, fault, open_file
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import Projector
from flowkernel.store.queries import Queries
from flowkernel.store.rebuild import rebuild
from flowkernel.store.startup import catch_up, check_there, load_state, open_journal
from flowkernel.store.writer import Listener, Writer


class Store(Queries):
    """All that flowkernel records: a DuckDB file, and the journal beside it."""

    def __init__(
        self,
        path: Path | str,
        *,
        journal: Path | None = None,
        memory: str = "512MB",
        writable_folder: Path | None = None,
        migrations: Mapping[int, str] | None = None,
    ) -> None:
        """Open the file; make or migrate its tables; take in what only the journal has.

        Args:
            path: The file, or ":memory:", which has no journal.
            journal: The folder of the journal; default: beside the file, named after it.
            memory: What DuckDB may use, in its own notation. Small: we share a laptop.
            writable_folder: The only folder that `backup` can write to.
            migrations: The SQL that leads to each version; default: those in `migrations/`.

        Raises:
            EngineError: The file cannot be opened, is not ours, or is newer than we are; or
                the journal is not that of the file.
        """
        self._folder = writable_folder
        self._compacting = threading.Lock()
        steps = sql_files.migrations() if migrations is None else migrations
        folder = None if str(path) == MEMORY else journal or Path(f"{path}.journal")
        check_there(Path(path), folder)
        pool = CursorPool(
            lambda: open_file(
                str(path),
                memory=memory,
                writable_folder=writable_folder,
                migrations=steps,
            )
        )
        if writable_folder is not None:
            clean(writable_folder)
        try:
            self._open(str(path), pool, folder)
        except BaseException:
            pool.close()
            raise

    def _open(self, path: str, pool: CursorPool, folder: Path | None) -> None:
        self._journal = open_journal(folder, pool) if folder else None
        applied = int(pool.meta()["applied_frame"])
        reserve = folder / "reserve" if folder else None
        tidy = self._journal.compress_closed if self._journal else lambda: None
        folding = Projector(pool, applied=applied, reserve=reserve, tidy=tidy)
        super().__init__(path, pool, folding, load_state(pool))
        if folder is not None:
            catch_up(folder, self._state, folding)
        folding.open()
        self._writer = Writer(self._state, self._journal, folding)

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
        """Finish what was asked, then free the file. A second time does nothing."""
        self._writer.close()
        self._folding.close()
        if self._journal is not None:
            self._journal.close()
        self._pool.close()

    # ---- changes

    def append(self, events: Sequence[Event], *, strict: bool = True) -> list[Event]:
        """Record what happened; return the recorded events with `seq` and `root_id`.

        Comes back once they are on disk: whoever is told may rely on it.

        Args:
            events: In the order in which they happened. One whose `event_id` is known
                already is passed over, so that a caller who heard no answer can ask again.
            strict: Whether one that is refused refuses them all. If not, it is left out.

        Raises:
            MoveNotAllowed: An event would leave an ended status, or make a move that is
                not allowed. None of them is recorded.
            BadArgument: An event cannot be stored. None of them is recorded.
            DiskFull: None of them is recorded; reading still works.
            EngineFault: None of them is recorded.
        """
        fit = [checked(event) for event in events]
        if not fit:
            return []
        recorded: list[Event] = self._writer.submit(
            lambda b: b.append(fit, strict=strict)
        )
        return recorded

    def save_flow(self, flow: Flow) -> None:
        """Put it in the place of the flow with its name, if there is one."""
        checked_text(flow)
        self._writer.submit(lambda batch: batch.save_flow(flow))

    def delete_flow(self, name: str) -> None:
        """Its versions and executions stay.

        Raises:
            FlowNotFound: With a name that is near.
        """
        self._writer.submit(lambda batch: batch.delete_flow(name))

    def save_version(self, version: FlowVersion) -> None:
        """Keep a source for ever. One that is known already costs nothing."""
        if version.flow_version not in self._state.versions:
            checked_text(version)
            self._writer.submit(lambda batch: batch.save_version(version))

    def on_commit(self, listener: Listener) -> None:
        """Have it called with the events that have come to disk, in order of `seq`.

        It runs in the writing thread, before those who asked are answered: be quick.
        """
        self._writer.listeners.append(listener)

    def rebuild(self) -> None:
        """Make `execution`, `cell_run` and `message` anew from `event`. All writing waits.

        Raises:
            EngineError: The tables are as they were before.
        """
        with self._writer.busy, self._folding.standing_still():
            try:
                with self._pool.cursor() as reader:
                    rebuild(self._pool.writing(), reader)
            except Exception as error:
                if not self._pool.undo():
                    self._pool.give_up()
                raise fault(error, "The tables could not be rebuilt") from error
            self._state.take_over(load_state(self._pool))

    def prune(self, ids: Collection[str]) -> list[str]:
        """Let go of families, by the ids of their roots, and of executions, by their own;
        return the paths of their output notebooks. Whoever names an execution names those
        under it, too.

        Raises:
            MoveNotAllowed: One is live, or has a member that is. None of them goes.
            DiskFull, EngineFault: None of them goes, or all of them will later.
        """
        paths = self._read("notebooks_of", ids=list(ids))
        self._writer.submit(lambda batch: batch.prune(set(ids)))
        self._folding.settle()
        return [record["notebook_path"] for record in paths]

    def prune_journal(self) -> int:
        """Take what was pruned out of the journal, too; how many bytes that frees."""
        if self._journal is None:
            return 0
        with self._writer.busy:
            self._journal.close_segment()
        return self._journal.forget_pruned()

    def compact(self) -> None:
        """Write the database anew, without the room that is free in it. All goes on.

        Raises:
            BadArgument: It is in memory.
            DiskFull, EngineFault: It is as it was.
        """
        if self._folder is None or self._path == MEMORY:
            raise BadArgument("Only a database in a file can be compacted.")
        with self._compacting:
            compact(Path(self._path), self._folder, self._pool, self._folding)

    def backup(self, path: Path) -> None:
        """Copy all tables, as they are at one moment, into a new DuckDB file.

        Writing goes on meanwhile. The file appears under its name when it is complete.

        Raises:
            BadArgument: It is there already, or not within the writable folder.
            DiskFull, EngineFault: There is no copy.
        """
        path = path.absolute()
        if self._folder is None or self._folder.absolute() not in path.parents:
            raise BadArgument(f"A backup can only be written in {str(self._folder)!r}.")
        if path.exists():
            raise BadArgument(f"{str(path)!r} is there already. Choose another name.")
        draft = path.with_name(f"{path.name}.{new_id()}.part")
        self._folding.settle()
        try:
            with self._pool.cursor() as cursor:
                copy_to(cursor, draft)
            os.replace(draft, path)
        except (duckdb.Error, OSError) as error:
            draft.unlink(missing_ok=True)
            raise fault(
                error, f"The backup {str(path)!r} could not be written"
            ) from error
