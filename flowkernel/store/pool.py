"""The connections to the open file: one for writing, and a cursor for each reader."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from flowkernel.core.errors import EngineFault
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.store import rows
from flowkernel.store.database import Connection, engine_error
from flowkernel.store.sql_files import queries

Record = dict[str, Any]  #: A row, by column.
READER_TIMEOUT = 10.0  #: Seconds to wait for readers of a file that was closed.


class CursorPool:
    """Hands out cursors, so that no two threads ever use the same one at a time.

    If they did, one thread would get the rows of the other, without an error.
    """

    def __init__(self, open_file: Callable[[], Connection]) -> None:
        """`open_file` is called at once, and again after an error that closes the file."""
        self._open_file = open_file
        self._connection: Connection = open_file()
        self._queries: Mapping[str, str] = queries()
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._in_use = 0
        self._is_closed = False
        self._is_suspended = False
        self._condition = threading.Condition()

    def writer_connection(self) -> Connection:
        """The connection that only the holder of `Projector.table_lock` may use."""
        with self._condition:
            return self._connected()

    def roll_back(self) -> bool:
        """Roll the writing connection back. Return whether it can still be used.

        After some errors (a full disk during a checkpoint, for one) DuckDB refuses everything
        until the file is closed and opened again: see `disconnect`.
        """
        with suppress(duckdb.Error):
            self._connection.rollback()
        try:
            self._connection.execute("SELECT count(*) FROM meta").fetchall()
        except duckdb.Error:
            return False
        return True

    def disconnect(self) -> None:
        """Close the file. The next use of this pool opens it again."""
        with self._condition:
            self._close_all()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Keep the file closed for as long as this lasts. Readers wait.

        Raises:
            EngineFault: A reader does not come to an end.
        """
        with self._condition:
            self._is_suspended = True
            try:
                timeout = READER_TIMEOUT * 2
                if not self._condition.wait_for(lambda: not self._in_use, timeout):
                    raise EngineFault(
                        "The database is being read all the time. Try again later."
                    )
                self._close_all()
                yield
            finally:
                self._is_suspended = False
                self._condition.notify_all()

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        """A cursor for one reader and one query."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_suspended)
            owner = self._connected()
            cursor = owner.cursor() if self._idle.empty() else self._idle.get()
            self._in_use += 1
        is_clean = False
        try:
            yield cursor
            is_clean = True
        finally:
            with self._condition:
                self._in_use -= 1
                # After an error it may still hold a transaction or a result.
                if is_clean and owner is self._connection:
                    self._idle.put(cursor)
                else:
                    cursor.close()
                self._condition.notify_all()

    def read(self, name: str, **values: Any) -> list[Record]:
        """All rows of a query of `queries.sql`. No result stays open."""
        try:
            with self.cursor() as cursor:
                return records(cursor.execute(self._queries[name], values or None))
        except duckdb.Error as error:
            raise engine_error(error, "The store could not be read") from error

    def meta(self) -> dict[str, str]:
        """The table `meta`, as a mapping."""
        return {record["key"]: record["value"] for record in self.read("list_meta")}

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution, from its row; None if there is none."""
        result = self.read("get_execution", execution_id=execution_id)
        return rows.EXECUTION.model_of(result[0]) if result else None

    def find_version(self, flow_version: str) -> FlowVersion | None:
        """The flow version, from its row; None if there is none."""
        result = self.read("get_version", flow_version=flow_version)
        return rows.version_of(result[0]) if result else None

    def close(self) -> None:
        """Close every connection. Then another process can open the file."""
        with self._condition:
            self._is_closed = True
            self._close_all()

    def _connected(self) -> Connection:
        if self._is_closed:
            raise EngineFault("The store is closed.")
        if self._connection is None:
            # A cursor that is still open would keep the broken instance of DuckDB alive.
            self._condition.wait_for(
                lambda: self._connection or not self._in_use, READER_TIMEOUT
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
