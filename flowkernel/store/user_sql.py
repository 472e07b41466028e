"""Queries in SQL from outside: they read the tables, and nothing else, within limits.

1. The statement is checked before it runs (`sql_guard`).
2. It runs in a read-only transaction of its own.
3. The configuration is locked and allows no access to files (`database.connect`).
4. There are limits of time, rows and bytes, which DuckDB keeps as well as it can.

What people ask runs in the SQL reader, which the engine kills if all that is not enough.
"""

import io
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from flowkernel.core.errors import SqlRefused
from flowkernel.core.models import Json
from flowkernel.store.database import Connection
from flowkernel.store.sql_guard import checked_sql, refusal

#: Seconds between interrupts of a query beyond its time limit.
INTERRUPT_INTERVAL = 0.05


@dataclass(frozen=True, slots=True)
class SqlResult:
    """The result of a query. Each value is JSON."""

    columns: list[str]
    types: list[str]  #: DuckDB's names, one for each column.
    rows: list[list[Json]]
    is_cut: bool  #: There are more rows, beyond the limits.


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What one query may take; all inclusive."""

    seconds: float = 10.0
    rows: int = 100_000
    size: int = 64 * 1024 * 1024  #: Bytes of the result, about.
    time_left: float | None = None  #: What is left of `seconds`; None: all of them.


def query(cursor: Connection, sql: str, limits: SqlLimits) -> SqlResult:
    """The result of a query, cut off at the limits of rows and bytes.

    Raises:
        SqlRefused: It is not a query, is wrong, or takes too long.
        MemoryError, duckdb.OutOfMemoryException: See `is_out_of_memory`.
    """
    with _running(cursor, sql, limits) as statement:
        relation = cursor.sql(statement)
        columns, types = list(relation.columns), [str(kind) for kind in relation.types]
        # With the limit in the SQL, DuckDB stops early.
        cursor.execute(relation.limit(limits.rows + 1).sql_query())
        rows, is_cut = _fetch(cursor, limits.size)
    return SqlResult(
        columns=columns,
        types=types,
        rows=[[jsonable(value) for value in row] for row in rows[: limits.rows]],
        is_cut=is_cut or len(rows) > limits.rows,
    )


def _fetch(cursor: Connection, size: int) -> tuple[list[tuple[Any, ...]], bool]:
    """The first rows, of at most `size` bytes together; whether there are more.

    It fetches few rows at a time if they are large, so that memory is bounded too.
    """
    rows: list[tuple[Any, ...]] = []
    count = largest = 1
    while part := cursor.fetchmany(count):
        for row in part:
            largest = max(largest, row_size := sum(map(_json_size, row)))
            size -= row_size
            if size < 0:
                cursor.abort()
                return rows, True
            rows.append(row)
        count = min(1_000, 1 + size // largest)
    return rows, False


def _json_size(value: Any) -> int:
    """How many bytes it has as JSON, about."""
    match value:
        case str() | bytes():
            return len(value) + 3
        case list() | tuple() | dict():
            return len(str(value))
        case _:
            return 20


def query_arrow(cursor: Connection, sql: str, limits: SqlLimits) -> bytes:
    """The result of a query as an Arrow IPC stream, cut off at the same limits.

    Raises:
        SqlRefused: As for `query`.
    """
    import nanoarrow
    from nanoarrow import c_schema
    from nanoarrow.c_array_stream import CArrayStream
    from nanoarrow.ipc import StreamWriter

    with _running(cursor, sql, limits) as statement:
        output = io.BytesIO()
        relation = cursor.sql(statement).limit(limits.rows)
        with (
            nanoarrow.ArrayStream(relation) as stream,
            StreamWriter.from_writable(output) as writer,
        ):
            no_rows = CArrayStream.from_c_arrays([], c_schema(stream.schema))
            writer.write_stream(no_rows)  # The columns, also if there are no rows.
            _write_batches(stream.iter_chunks(), writer, output, limits.size)
    return output.getvalue()


def _write_batches(
    batches: Iterable[Any], writer: Any, output: io.BytesIO, limit: int
) -> None:
    """Write batches up to the limit in bytes; the one that exceeds it is taken back."""
    for batch in batches:
        start = output.tell()
        writer.write_array(batch)
        if output.tell() > limit:
            output.seek(start)
            output.truncate()
            break


def jsonable(value: Any) -> Json:
    """Moments as ISO 8601, durations as seconds, bytes as hex; NaN and infinity as None."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(jsonable(key)): jsonable(part) for key, part in value.items()}
        case list() | tuple() | set():
            return [jsonable(part) for part in value]
        case _:
            return str(value)


@contextmanager
def _running(cursor: Connection, sql: str, limits: SqlLimits) -> Iterator[str]:
    """The checked statement, in a read-only transaction with a time limit."""
    statement = checked_sql(cursor, sql)
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    is_over = threading.Event()
    time_left = limits.seconds if limits.time_left is None else limits.time_left
    try:
        with _time_limit(cursor, time_left, is_over):
            yield statement
    except (duckdb.Error, RuntimeError, MemoryError) as error:
        if is_over.is_set():
            raise took_too_long(limits.seconds) from error
        if is_out_of_memory(error):
            raise
        raise refusal(error) from error
    finally:
        with suppress(
            duckdb.Error
        ):  # After a grave error there is nothing to roll back.
            cursor.rollback()


def took_too_long(seconds: float) -> SqlRefused:
    """The error for a query that was stopped at its time limit."""
    return SqlRefused(
        f"The query took longer than {seconds:g} seconds and was stopped. Ask for less, for "
        "instance with WHERE created_at > ..., or allow more time (`sql_seconds`)."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left, in DuckDB or in Python."""
    return isinstance(error, (MemoryError, duckdb.OutOfMemoryException))


@contextmanager
def _time_limit(
    cursor: Connection, seconds: float, is_over: threading.Event
) -> Iterator[None]:
    """Interrupt the query after so many seconds; `is_over` is set then."""
    is_complete = threading.Event()

    def watch() -> None:
        pause = seconds
        while not is_complete.wait(pause):
            is_over.set()
            cursor.interrupt()  # Repeatedly: one between two calls has no effect.
            pause = INTERRUPT_INTERVAL

    watcher = threading.Thread(target=watch, name="sql-time-limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_complete.set()
        watcher.join()
