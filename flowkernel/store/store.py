"""The store: one method per question or change. The only user of duckdb.

Synchronous, and safe to call from any thread. Changes go through the one writing thread;
readers have a cursor each. The process that has a store open must never open its file in
any other way: closing it again would take DuckDB's lock away, and data with it.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import duckdb

from flowkernel.clock import new_id
from flowkernel.errors import (
    BadArgument,
    ExecutionNotFound,
    FlowNotFound,
    MessageNotFound,
)
from flowkernel.models import CellRun, Event, Execution, Flow, FlowVersion, Message
from flowkernel.status import ExecutionStatus
from flowkernel.store import rows, sql, sqlfiles
from flowkernel.store.batch import checked
from flowkernel.store.database import MEMORY, copy_to, fault, open_file
from flowkernel.store.pool import Pool
from flowkernel.store.rebuild import rebuild
from flowkernel.store.writer import Listener, Writer

MIN_PART = 4  #: Characters of an id that can stand for it, inclusive.
MATCHED_AMONG = 10_000  #: Executions, the newest, whose ids can be shortened.


class Store:
    """All that flowkernel records, in one DuckDB file."""

    def __init__(
        self,
        path: Path | str,
        *,
        memory: str = "512MB",
        writable_folder: Path | None = None,
        migrations: Mapping[int, str] | None = None,
    ) -> None:
        """Open the file; make or migrate its tables.

        Args:
            path: The file, or ":memory:".
            memory: What DuckDB may use, in its own notation. Small: we share a laptop.
            writable_folder: The only folder that `backup` can write to.
            migrations: The SQL that leads to each version; default: those in `migrations/`.

        Raises:
            EngineError: The file cannot be opened, is not ours, or is newer than we are.
        """
        self._path = str(path)
        self._folder = writable_folder
        steps = sqlfiles.migrations() if migrations is None else migrations
        self._pool = Pool(
            lambda: open_file(
                self._path,
                memory=memory,
                writable_folder=writable_folder,
                migrations=steps,
            )
        )
        self._writer = Writer(self._pool)

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
        self._writer.submit(lambda batch: batch.save_flow(flow))

    def delete_flow(self, name: str) -> None:
        """Its versions and executions stay.

        Raises:
            FlowNotFound: With a name that is near.
        """
        self._writer.submit(lambda batch: batch.delete_flow(name))

    def save_version(self, version: FlowVersion) -> None:
        """Keep a source for ever. One that is known already costs nothing."""
        if version.flow_version not in self._writer.state.versions:
            self._writer.submit(lambda batch: batch.save_version(version))

    def on_commit(self, listener: Listener) -> None:
        """Have it called after each commit with the events, in order of `seq`.

        It runs in the writing thread, before those who asked are answered: be quick.
        """
        self._writer.listeners.append(listener)

    def rebuild(self) -> None:
        """Make `execution`, `cell_run` and `message` anew from `event`. All writing waits.

        Raises:
            EngineError: The tables are as they were before.
        """
        with self._writer.busy:
            try:
                with self._pool.cursor() as reader:
                    rebuild(self._pool.writing(), reader)
            except Exception as error:
                if not self._pool.undo():
                    self._pool.give_up()
                raise fault(error, "The tables could not be rebuilt") from error
            self._writer.reload()

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
        try:
            with self._pool.cursor() as cursor:
                copy_to(cursor, draft)
            os.replace(draft, path)
        except (duckdb.Error, OSError) as error:
            draft.unlink(missing_ok=True)
            raise fault(
                error, f"The backup {str(path)!r} could not be written"
            ) from error

    # ---- what is known by heart

    @property
    def live(self) -> Mapping[str, Execution]:
        """The executions that have not ended, by id, as of the last commit.

        A commit replaces it and never changes it, so that it can be walked through.
        """
        return self._writer.state.live

    @property
    def last_seq(self) -> int:
        """The number of the last event on disk; 0 if there is none."""
        return self._writer.state.last_seq

    @property
    def size_bytes(self) -> int:
        """What the file takes on disk, with its write-ahead log. 0 in memory."""
        if self._path == MEMORY:
            return 0
        files = (Path(self._path), Path(f"{self._path}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def get_flow(self, name: str) -> Flow:
        """The flow as it is now.

        Raises:
            FlowNotFound: With a name that is near.
        """
        flows = self._writer.state.flows
        if name not in flows:
            raise FlowNotFound(name, flows)
        return flows[name]

    def list_flows(self) -> list[Flow]:
        """All flows, by name."""
        flows = self._writer.state.flows
        return [flows[name] for name in sorted(flows)]

    # ---- questions

    def get_version(self, flow_version: str) -> FlowVersion:
        """One source that ran, by its hash.

        Raises:
            BadArgument: There is none.
        """
        for record in self._pool.read("get_version", flow_version=flow_version):
            return FlowVersion.from_json(record)
        raise BadArgument(f"There is no flow version {flow_version!r} in this home.")

    def get_execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: There is none; also if the text is no id at all.
        """
        found = self.live.get(execution_id) or self._pool.find_execution(
            _uuid(execution_id)
        )
        if found is None:
            raise ExecutionNotFound(execution_id)
        return found

    def resolve_id(self, text: str) -> str:
        """The id that a person means: all of it, or its beginning or end.

        Raises:
            ExecutionNotFound: No execution, or none of the newest 10,000, has it.
            BadArgument: It is shorter than 4 characters, or several executions have it.
        """
        part = text.strip().lower()
        if len(part) >= len(new_id()):
            return self.get_execution(_uuid(part)).execution_id
        if len(part) < MIN_PART:
            raise BadArgument(
                f"{text!r} is too short for an id. Give at least {MIN_PART} of its first "
                "or last characters."
            )
        found = self._pool.read("match_ids", part=part, among=MATCHED_AMONG, limit=6)
        ids: list[str] = [record["id"] for record in found]
        if not ids:
            raise ExecutionNotFound(text)
        if len(ids) > 1:
            shown = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
            raise BadArgument(f"{text!r} can mean {shown}. Give more characters.")
        return ids[0]

    def list_executions(
        self,
        *,
        status: ExecutionStatus | None = None,
        flow_name: str | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        is_archived: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> list[Execution]:
        """A page, newest first. `cursor`: the `execution_id` of the last one seen.

        Raises:
            ExecutionNotFound: `cursor`, `parent_id` or `root_id` is not the id of one.
        """
        last = self.get_execution(cursor) if cursor else None
        before: datetime | None = rows.stored_at(last.created_at) if last else None
        found = self._pool.read(
            "list_executions",
            status=str(status) if status else None,
            flow_name=flow_name,
            parent_id=_uuid(parent_id) if parent_id else None,
            root_id=_uuid(root_id) if root_id else None,
            is_archived=is_archived,
            before_at=before,
            before_id=last.execution_id if last else None,
            limit=limit,
        )
        return [rows.EXECUTION.model_of(record) for record in found]

    def family(self, root_id: str) -> list[Execution]:
        """A root and everything under it, oldest first; empty if it is no root."""
        found = self._pool.read("family", root_id=_uuid(root_id))
        return [rows.EXECUTION.model_of(record) for record in found]

    def children(self, execution_ids: Sequence[str]) -> list[Execution]:
        """What these executions started, oldest first."""
        ids = [_uuid(execution_id) for execution_id in execution_ids]
        found = self._pool.read("children", execution_ids=ids) if ids else []
        return [rows.EXECUTION.model_of(record) for record in found]

    def ancestors(self, execution_id: str) -> list[Execution]:
        """Its parent, its parent's parent, and so on; the root is the last.

        Raises:
            ExecutionNotFound: There is no such execution.
        """
        own = self.get_execution(execution_id)
        if own.parent_id is None:
            return []
        found = self._pool.read(
            "ancestors", root_id=own.root_id, parent_id=own.parent_id
        )
        return [rows.EXECUTION.model_of(record) for record in found]

    def cell_runs(self, execution_id: str) -> list[CellRun]:
        """What ran in one execution, in the order in which it started."""
        found = self._pool.read("cell_runs", execution_id=_uuid(execution_id))
        return [rows.CELL_RUN.model_of(record) for record in found]

    def log(
        self, execution_id: str, *, after_seq: int = 0, limit: int = 10_000
    ) -> list[Event]:
        """What one execution logged after number `after_seq`, oldest first."""
        id_ = _uuid(execution_id)
        found = self._pool.read(
            "log", execution_id=id_, after_seq=after_seq, limit=limit
        )
        return [rows.logged(record) for record in found]

    def events_after(
        self,
        seq: int,
        *,
        root_id: str | None = None,
        execution_id: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """What happened after number `seq`, logs included, in order.

        Events of kind LOGGED come without `event_id` and `actor`: those are not kept.
        """
        which = {
            "seq": seq,
            "root_id": _uuid(root_id) if root_id else None,
            "execution_id": _uuid(execution_id) if execution_id else None,
            "limit": limit,
        }
        events = [
            rows.EVENT.model_of(r) for r in self._pool.read("events_after", **which)
        ]
        events += [
            rows.logged(record) for record in self._pool.read("logged_after", **which)
        ]
        return sorted(events, key=lambda event: event.seq)[:limit]

    def list_messages(self, limit: int = 50) -> list[Message]:
        """The newest messages, newest first."""
        found = self._pool.read("list_messages", limit=limit)
        return [rows.MESSAGE.model_of(record) for record in found]

    def get_message(self, message_id: str) -> Message:
        """One message.

        Raises:
            MessageNotFound: There is none.
        """
        try:
            found = self._pool.read("get_message", message_id=str(UUID(message_id)))
        except ValueError as error:
            raise MessageNotFound(message_id) from error
        if not found:
            raise MessageNotFound(message_id)
        return rows.MESSAGE.model_of(found[0])

    def query(self, text: str, *, seconds: float, rows: int) -> sql.Answer:
        """Answer a question in SQL with at most `rows` rows.

        Raises:
            SqlRefused: It would change something, is wrong, or takes over `seconds`.
        """
        with self._pool.cursor() as cursor:
            return sql.ask(cursor, text, seconds=seconds, rows=rows)

    def query_arrow(self, text: str, *, seconds: float, rows: int) -> bytes:
        """The same as an Arrow IPC stream.

        Raises:
            SqlRefused: As for `query`.
        """
        with self._pool.cursor() as cursor:
            return sql.ask_arrow(cursor, text, seconds=seconds, rows=rows)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ExecutionNotFound(text) from error
