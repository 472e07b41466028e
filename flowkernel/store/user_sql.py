"""Questions in SQL from outside: what may be asked, for how long, and the answer.

What keeps a question from doing harm, all of it needed:

1. One statement, a SELECT or a plain EXPLAIN of one.
2. Its syntax tree has no change in a WITH, no file in a FROM, and no function that is not
   known to be harmless. DuckDB itself lets a question read its own database file; closing
   that file afterwards takes the lock away, and with it everybody's data.
3. A read-only transaction of its own.
4. A locked configuration without access to files (`database.connect`).
5. A time limit, and limits of rows and bytes.
"""

import io
import json
import math
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from flowkernel.core.errors import SqlRefused
from flowkernel.core.models import Json
from flowkernel.store.database import Connection

#: Functions that may stand in a FROM. None opens a file, changes a setting or runs SQL.
TABLE_FUNCTIONS = frozenset(
    "range generate_series unnest repeat json_each json_tree duckdb_columns "
    "duckdb_functions duckdb_keywords duckdb_schemas duckdb_settings duckdb_tables "
    "duckdb_types duckdb_views pragma_database_size pragma_table_info "
    "pragma_version".split()
)
#: Functions in an expression that run SQL, or leave something behind.
REFUSED_FUNCTIONS = frozenset({"json_serialize_plan", "nextval", "setval", "write_log"})
SCHEMAS = frozenset({"main", "information_schema", "pg_catalog"})
QUERY_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
)
_NAME = re.compile(r"\w+")
_EXPLAIN = re.compile(r"\s*EXPLAIN\b", re.IGNORECASE)
NUDGE = 0.05  #: Seconds between interrupts of a question that is over its time.


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What a question found. Each value is JSON."""

    columns: list[str]
    types: list[str]  #: DuckDB's names, one for each column.
    rows: list[list[Json]]
    is_cut: bool  #: There were more rows than asked for.


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What one question may take; all inclusive."""

    seconds: float = 10.0
    rows: int = 100_000
    size: int = 64 * 1024 * 1024  #: Bytes of the answer, about.


def ask(cursor: Connection, sql: str, limits: SqlLimits) -> SqlResult:
    """Put a question; what is over the limits of rows and bytes is cut off.

    Raises:
        SqlRefused: It is no question, is wrong, or takes too long.
    """
    with _asking(cursor, sql, limits.seconds) as statement:
        relation = cursor.sql(statement)
        columns, types = list(relation.columns), [str(kind) for kind in relation.types]
        # With the limit inside, DuckDB stops early.
        cursor.execute(relation.limit(limits.rows + 1).sql_query())
        found, is_cut = _fetched(cursor, limits.size)
    return SqlResult(
        columns=columns,
        types=types,
        rows=[[jsonable(value) for value in row] for row in found[: limits.rows]],
        is_cut=is_cut or len(found) > limits.rows,
    )


def _fetched(cursor: Connection, size: int) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows, as long as they have no more than `size` bytes; whether some were left."""
    found: list[tuple[Any, ...]] = []
    count = largest = 1
    while part := cursor.fetchmany(count):
        for row in part:
            largest = max(largest, row_size := sum(map(_size, row)))
            size -= row_size
            if size < 0:
                cursor.abort()
                return found, True
            found.append(row)
        count = min(1_000, 1 + size // largest)
    return found, False


def _size(value: Any) -> int:
    """About how many bytes it has as JSON."""
    match value:
        case str() | bytes():
            return len(value) + 3
        case list() | tuple() | dict():
            return len(str(value))
        case _:
            return 20


def ask_arrow(cursor: Connection, sql: str, limits: SqlLimits) -> bytes:
    """Put a question; the answer is an Arrow IPC stream, cut off at the same limits.

    Raises:
        SqlRefused: As for `ask`.
    """
    import nanoarrow
    from nanoarrow import c_schema
    from nanoarrow.c_array_stream import CArrayStream
    from nanoarrow.ipc import StreamWriter

    with _asking(cursor, sql, limits.seconds) as statement:
        out = io.BytesIO()
        relation = cursor.sql(statement).limit(limits.rows)
        with nanoarrow.ArrayStream(relation) as stream:
            with StreamWriter.from_writable(out) as writer:
                nothing = CArrayStream.from_c_arrays([], c_schema(stream.schema))
                writer.write_stream(nothing)  # The columns, also if there are no rows.
                for batch in stream.iter_chunks():
                    before = out.tell()
                    writer.write_array(batch)
                    if out.tell() > limits.size:
                        out.seek(before)
                        out.truncate()
                        break
    return out.getvalue()


def jsonable(value: Any) -> Json:
    """Moments as ISO 8601, durations as seconds, bytes as hex; no NaN and no infinity."""
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
def _asking(cursor: Connection, sql: str, seconds: float) -> Iterator[str]:
    statement = checked_sql(cursor, sql)
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    is_over = threading.Event()
    try:
        with _time_limit(cursor, seconds, is_over):
            yield statement
    except (duckdb.Error, RuntimeError) as error:
        if not is_over.is_set():
            raise refusal(error) from error
        raise SqlRefused(
            f"The question took longer than {seconds:g} seconds and was stopped. Ask for "
            "less, for instance with WHERE created_at > ..., or allow more time."
        ) from error
    finally:
        with suppress(duckdb.Error):  # After a grave error there is nothing to undo.
            cursor.rollback()


@contextmanager
def _time_limit(
    cursor: Connection, seconds: float, is_over: threading.Event
) -> Iterator[None]:
    is_done = threading.Event()

    def watch() -> None:
        pause = seconds
        while not is_done.wait(pause):
            is_over.set()
            cursor.interrupt()  # Again and again: one between two calls is lost.
            pause = NUDGE

    watcher = threading.Thread(target=watch, name="sql-time-limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_done.set()
        watcher.join()


#: Their cost is the product of two texts' lengths, and no time limit reaches them.
UNSTOPPABLE = frozenset(
    {
        "damerau_levenshtein",
        "editdist3",
        "jaccard",
        "jaro_similarity",
        "jaro_winkler_similarity",
        "levenshtein",
    }
)


def checked_sql(cursor: Connection, sql: str) -> str:
    """The one statement, if it is a question that can do no harm.

    Raises:
        SqlRefused: It is not. Nothing of it was carried out.
    """
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise SqlRefused(f"The question is not valid Unicode text: {error}.") from error
    try:
        statements = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise refusal(error) from error
    if not statements:
        raise SqlRefused("The question is empty. Ask with SELECT.")
    if len(statements) != 1:
        raise SqlRefused(
            f"This is {len(statements)} statements; ask with exactly one SELECT at a time."
        )
    kind = str(statements[0].type).rpartition(".")[2]
    text = str(statements[0].query)
    explain = _EXPLAIN.match(text) if kind == "EXPLAIN" else None
    if kind == "MULTI":
        raise SqlRefused(
            "DuckDB makes several statements of this one (PIVOT does). Write it as a plain "
            "SELECT: count(*) FILTER (WHERE ...) gives columns too."
        )
    if kind != "SELECT" and explain is None:
        raise SqlRefused(
            f"This is a {kind} statement, and the tables can only be read. Ask with SELECT "
            "(or EXPLAIN SELECT); change things with the other commands of flowkernel."
        )
    _check_tree(_tree(cursor, text[explain.end() :] if explain else text))
    return text


def _tree(cursor: Connection, sql: str) -> Json:
    try:
        found = cursor.execute("SELECT json_serialize_sql($sql::VARCHAR)", {"sql": sql})
        tree = json.loads(found.fetchall()[0][0])
    except (duckdb.Error, RecursionError) as error:
        raise refusal(error) from error
    if tree["error"]:
        raise SqlRefused(
            f"This cannot be checked before it runs ({tree['error_message']}). Write it as "
            "a plain SELECT; EXPLAIN takes no ANALYZE or options, and PIVOT cannot be used."
        )
    return tree["statements"]


def _check_tree(tree: Json) -> None:
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            _check_node(node)
            todo += node.values()
        elif isinstance(node, list):
            todo += node


def _check_node(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUERY_NODES:
        verb = kind.partition("_")[0]
        raise SqlRefused(
            f"There is a {verb} in this question, and the tables can only be read."
        )
    name = str(node.get("function_name", "")).lower()
    if name in UNSTOPPABLE:
        raise SqlRefused(
            f"{name}() cannot be stopped once it runs, so it is not allowed here. Fetch the "
            "rows and compare them in Python."
        )
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise _no_function(name)
    if node.get("class") == "FUNCTION":
        name = str(node.get("function_name", "")).lower()
        if name in REFUSED_FUNCTIONS:
            raise _no_function(name)
    if kind == "BASE_TABLE":
        *schemas, table = node["qualified_name"]["path"]
        if not _NAME.fullmatch(table) or not SCHEMAS.issuperset(
            s.lower() for s in schemas
        ):
            raise SqlRefused(
                f"{'.'.join([*schemas, table])!r} is not one of the tables here, and files "
                "cannot be read. SHOW TABLES lists the tables."
            )


def _no_function(name: str) -> SqlRefused:
    return SqlRefused(
        f"The function {name!r} cannot be used here: questions reach the tables of this "
        "home and nothing else. To read files, use DuckDB in your own notebook."
    )


def refusal(error: Exception) -> SqlRefused:
    """Our sentence for what DuckDB says about a question."""
    return SqlRefused(str(error).strip())
