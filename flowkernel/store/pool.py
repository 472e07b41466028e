"""The connections to the open file: one that writes, and a cursor for each reader."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from flowkernel.core.errors import EngineFault
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.store import rows
from flowkernel.store.database import Connection, fault
from flowkernel.store.sql_files import queries

Record = dict[str, Any]
PATIENCE = 10.0  #: Seconds for readers to notice that the file was given up.


class CursorPool:
    """Hands out cursors, so that no two threads ever use one at the same time.

    A cursor shared by threads gives one the rows of another, without an error.
    """

    def __init__(self, open_file: Callable[[], Connection]) -> None:
        """`open_file` is called at once, and again after a grave error."""
        self._open_file = open_file
        self._connection: Connection = open_file()
        self._queries: Mapping[str, str] = queries()
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._in_use = 0
        self._is_closed = False
        self._is_away = False
        self._changed = threading.Condition()

    def writing(self) -> Connection:
        """The connection that only the holder of `Folding.busy` uses."""
        with self._changed:
            return self._opened()

    def undo(self) -> bool:
        """Roll the writing connection back. Return whether it can still be used.

        After some errors (no room for a checkpoint, for one) DuckDB refuses everything
        until the file is closed and opened again: see `give_up`.
        """
        with suppress(duckdb.Error):
            self._connection.rollback()
        try:
            self._connection.execute("SELECT count(*) FROM meta").fetchall()
        except duckdb.Error:
            return False
        return True

    def give_up(self) -> None:
        """Close the file; whoever needs it next opens it again."""
        with self._changed:
            self._close_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """The file is closed for as long as this lasts; whoever wants to read waits.

        Raises:
            EngineFault: A reader does not end.
        """
        with self._changed:
            self._is_away = True
            try:
                if not self._changed.wait_for(lambda: not self._in_use, PATIENCE * 2):
                    raise EngineFault(
                        "The database is being read all the time. Try again later."
                    )
                self._close_all()
                yield
            finally:
                self._is_away = False
                self._changed.notify_all()

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        """A cursor for one reader, for one question."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_away)
            owner = self._opened()
            cursor = owner.cursor() if self._idle.empty() else self._idle.get()
            self._in_use += 1
        is_clean = False
        try:
            yield cursor
            is_clean = True
        finally:
            with self._changed:
                self._in_use -= 1
                # After an error it may still hold a transaction or a result.
                if is_clean and owner is self._connection:
                    self._idle.put(cursor)
                else:
                    cursor.close()
                self._changed.notify_all()

    def read(self, name: str, **values: Any) -> list[Record]:
        """All rows of a query of `queries.sql`. Nothing stays open."""
        try:
            with self.cursor() as cursor:
                return records(cursor.execute(self._queries[name], values or None))
        except duckdb.Error as error:
            raise fault(error, "The store could not be read") from error

    def meta(self) -> dict[str, str]:
        """What `meta` says."""
        return {record["key"]: record["value"] for record in self.read("list_meta")}

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution as its row has it; None if there is none."""
        found = self.read("get_execution", execution_id=execution_id)
        return rows.EXECUTION.model_of(found[0]) if found else None

    def find_version(self, flow_version: str) -> FlowVersion | None:
        """One source as its row has it; None if there is none."""
        found = self.read("get_version", flow_version=flow_version)
        return FlowVersion.from_json(found[0]) if found else None

    def close(self) -> None:
        """Close every connection; with the last one the file is free again."""
        with self._changed:
            self._is_closed = True
            self._close_all()

    def _opened(self) -> Connection:
        if self._is_closed:
            raise EngineFault("The store is closed.")
        if self._connection is None:
            # A cursor that is open anywhere would keep the broken instance alive.
            self._changed.wait_for(
                lambda: self._connection or not self._in_use, PATIENCE
            )
            self._connection = self._connection or self._open_file()
        return self._connection

    def _close_all(self) -> None:
        while not self._idle.empty():
            self._idle.get().close()
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def records(result: Connection) -> list[Record]:
    """All rows of a result, by column."""
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
