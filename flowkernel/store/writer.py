"""The one writing thread: many requests, one commit."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from logging import getLogger
from typing import Any

from flowkernel.clock import now
from flowkernel.errors import EngineFault, FlowkernelError
from flowkernel.models import Event, EventKind, FlowVersion
from flowkernel.store import rows
from flowkernel.store.batch import Batch, Changes
from flowkernel.store.database import Connection, fault
from flowkernel.store.loading import load_state
from flowkernel.store.pool import Pool
from flowkernel.store.sqlfiles import queries

logger = getLogger(__name__)

MAX_REQUESTS = 2_000  #: In one commit, inclusive: bounds how long the first one waits.
Listener = Callable[[list[Event]], None]


@dataclass
class Request:
    """One call that waits for the next commit."""

    decide: Callable[[Batch], Any]  #: Says what changes, or raises and changes nothing.
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass
class Outcome:
    """What a request will be told once the commit is through."""

    request: Request
    value: Any = None
    error: FlowkernelError | None = None

    def tell(self) -> None:
        if self.error is None:
            self.request.answer.set_result(self.value)
        else:
            self.request.answer.set_exception(self.error)


class Writer:
    """Takes requests from any thread, and commits all that wait at once.

    Requests that come while a commit is on its way share the next one: that is all the
    waiting there is.
    """

    def __init__(self, pool: Pool) -> None:
        self.state = load_state(pool)
        self.listeners: list[Listener] = []
        self.busy = threading.Lock()  #: Held while the tables change.
        self._pool = pool
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._is_stale = False  #: Whether the tables may have more than `state`.
        self._is_closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, name="store-writer", daemon=True
        )
        self._thread.start()

    def submit(self, decide: Callable[[Batch], Any]) -> Any:
        """Ask for a change; come back when it is on disk.

        Raises:
            RequestError: What `decide` raised.
            DiskFull, EngineFault: Nothing was written.
        """
        request = Request(decide)
        with self._door:
            if self._is_closed:
                raise EngineFault("The store is closed: nothing more can be recorded.")
            self._queue.put(request)
        return request.answer.result()

    def reload(self) -> None:
        """Know what the tables say. Only for the holder of `busy`."""
        fresh = load_state(self._pool)
        fresh.log_ids = self.state.log_ids  # The tables do not have them.
        self.state = fresh
        self._is_stale = False

    def close(self) -> None:
        """Carry out what was asked before, then stop."""
        with self._door:
            self._is_closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, is_last = self._drain(first)
            with self.busy:
                self._carry_out(batch)
            if is_last:
                return

    def _drain(self, first: Request) -> tuple[list[Request], bool]:
        requests = [first]
        while len(requests) < MAX_REQUESTS:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return requests, True
            requests.append(request)
        return requests, False

    def _carry_out(self, requests: Sequence[Request]) -> None:
        try:
            if self._is_stale:
                self.reload()
            batch = Batch(self.state, self._pool.find_execution)
            outcomes = [_decided(request, batch) for request in requests]
            if batch.changes:
                self._commit(batch.changes)
        except Exception as error:  # Whatever it is, nobody may wait for ever.
            for request in requests:
                told = fault(error, "The store could not record this")
                told.__cause__ = error
                request.answer.set_exception(told)
            return
        self._tell_listeners(batch.changes.events)
        # Also a refusal waits for the commit: it may rest on what another request changed.
        for outcome in outcomes:
            outcome.tell()

    def _commit(self, changes: Changes) -> None:
        connection = self._pool.writing()
        try:
            connection.begin()
            write(connection, changes)
            connection.commit()
        except Exception:
            if self._pool.undo() or not self._was_recorded(changes):
                raise
        else:
            self.state.accept(changes)

    def _was_recorded(self, changes: Changes) -> bool:
        """Open a file that DuckDB gave up, and see: it may have failed after the commit."""
        logger.warning("DuckDB gave the file up; it is opened again")
        self._is_stale = True
        self._pool.give_up()
        self.reload()
        return bool(changes.events) and self.state.last_seq >= changes.events[-1].seq

    def _tell_listeners(self, events: list[Event]) -> None:
        for listener in self.listeners if events else ():
            try:
                listener(events)
            except Exception:
                logger.exception("A listener of the store failed")


def _decided(request: Request, batch: Batch) -> Outcome:
    try:
        return Outcome(request, request.decide(batch))
    except FlowkernelError as error:
        return Outcome(request, error=error)


def write(connection: Connection, changes: Changes) -> None:
    """Write a batch within the transaction that is open: one statement a table."""
    logged = [event for event in changes.events if event.kind is EventKind.LOGGED]
    events = [event for event in changes.events if event.kind is not EventKind.LOGGED]
    insert(connection, rows.EVENT, events)
    append_rows(connection, "log", rows.LOG_COLUMNS, [rows.log_row(e) for e in logged])
    born, executions = changes.born, changes.executions
    insert(
        connection, rows.EXECUTION, [e for key, e in executions.items() if key in born]
    )
    update(
        connection, rows.EXECUTION, [e for k, e in executions.items() if k not in born]
    )
    cells = {key: run for part in changes.cells.values() for key, run in part.items()}
    born = changes.cells_born
    insert(
        connection, rows.CELL_RUN, [run for key, run in cells.items() if key in born]
    )
    update(
        connection, rows.CELL_RUN, [run for k, run in cells.items() if k not in born]
    )
    insert(connection, rows.MESSAGE, changes.messages)
    if changes.flows:
        connection.execute(queries()["delete_flows"], {"names": list(changes.flows)})
        insert(connection, rows.FLOW, [flow for flow in changes.flows.values() if flow])
    write_versions(connection, list(changes.versions.values()))
    if changes.events:
        seq = str(changes.events[-1].seq)
        connection.execute(queries()["save_applied_seq"], {"value": seq})


def insert(
    connection: Connection, table: rows.Table[rows.T], values: Sequence[rows.T]
) -> None:
    """Add rows."""
    columns = table.columns
    append_rows(
        connection, table.name, columns, [table.row(v, columns) for v in values]
    )


def update(
    connection: Connection, table: rows.Table[rows.T], values: Sequence[rows.T]
) -> None:
    """Overwrite the changing columns of rows that are there."""
    if not values:
        return
    columns = table.changing
    with connection.appender(
        table.name, columns=columns, action="update", key=[table.key]
    ) as appender:
        appender.append_rows([table.row(value, columns) for value in values])


def write_versions(connection: Connection, versions: Sequence[FlowVersion]) -> None:
    """Add flow versions, whose table calls the model's `flow_version` its hash."""
    columns = [
        "hash",
        "flow_name",
        "kind",
        "source",
        "setup_source",
        "path",
        "created_at",
    ]
    at = rows.stored_at(now())
    added = [
        (v.flow_version, v.flow_name, str(v.kind), v.source, v.setup_source, v.path, at)
        for v in versions
    ]
    append_rows(connection, "flow_version", columns, added)


def append_rows(
    connection: Connection, table: str, columns: list[str], values: Sequence[rows.Row]
) -> None:
    """Add rows by their values."""
    if values:
        with connection.appender(table, columns=columns) as appender:
            appender.append_rows(values)
