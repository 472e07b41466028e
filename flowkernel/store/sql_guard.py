"""Which SQL from outside may run: one query that reads the tables.

A statement passes if it is a single SELECT, or a plain EXPLAIN of one, and its syntax tree has

- no node that changes something: DuckDB counts `WITH x AS (DELETE ...) SELECT` as a SELECT;
- in a FROM, only tables of this database and functions that open nothing;
- no function that runs SQL or leaves something behind.

This is for the sentence that a person gets. Safety does not rest on it: the SQL reader has a
copy of the database, can open no other file, and is killed when it takes too much.
"""

import json
import re
from typing import Any

import duckdb

from flowkernel.core.errors import SqlRefused
from flowkernel.core.models import Json
from flowkernel.store.database import Connection

#: Functions that may be in a FROM. None opens a file, changes a setting or runs SQL.
TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "json_each",
        "json_tree",
        "pragma_database_size",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "unnest",
    }
)
#: Functions in an expression that run SQL, or leave something behind.
REFUSED_FUNCTIONS = frozenset({"json_serialize_plan", "nextval", "setval", "write_log"})
SCHEMAS = frozenset({"main", "information_schema", "pg_catalog"})
#: The kinds of a query in a syntax tree. Other kinds that end in `_NODE` change something.
QUERY_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
)
_TABLE_NAME = re.compile(r"\w+")
_EXPLAIN = re.compile(r"\s*EXPLAIN\b", re.IGNORECASE)


def checked_sql(cursor: Connection, sql: str) -> str:
    """The text of the one statement in `sql`, if it can do no harm.

    Raises:
        SqlRefused: It can, or it is not valid. Nothing of it was executed.
    """
    kind, text = _single_statement(cursor, sql)
    explain = _EXPLAIN.match(text) if kind == "EXPLAIN" else None
    if kind == "MULTI":
        raise SqlRefused(
            "DuckDB makes several statements of this one (PIVOT does). Write it as a plain "
            "SELECT: count(*) FILTER (WHERE ...) gives columns too."
        )
    if kind != "SELECT" and explain is None:
        raise SqlRefused(
            f"This is a {kind} statement, and the tables can only be read. Use SELECT "
            "(or EXPLAIN SELECT); change things with the other commands of flowkernel."
        )
    _check_tree(_syntax_tree(cursor, text[explain.end() :] if explain else text))
    return text


def refusal(error: Exception) -> SqlRefused:
    """Our error for what DuckDB says about a query."""
    return SqlRefused(str(error).strip())


def _single_statement(cursor: Connection, sql: str) -> tuple[str, str]:
    """The kind and the text of the only statement in `sql`."""
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise SqlRefused(f"The query is not valid Unicode text: {error}.") from error
    try:
        statements = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise refusal(error) from error
    if not statements:
        raise SqlRefused("The query is empty. Write a SELECT.")
    if len(statements) != 1:
        raise SqlRefused(
            f"This is {len(statements)} statements; ask with exactly one SELECT at a time."
        )
    return str(statements[0].type).rpartition(".")[2], str(statements[0].query)


def _syntax_tree(cursor: Connection, sql: str) -> Json:
    try:
        cursor.execute("SELECT json_serialize_sql($sql::VARCHAR)", {"sql": sql})
        tree = json.loads(cursor.fetchall()[0][0])
    except (duckdb.Error, RecursionError) as error:
        raise refusal(error) from error
    if tree["error"]:
        raise SqlRefused(
            f"This cannot be checked before it runs ({tree['error_message']}). Write it as "
            "a plain SELECT; EXPLAIN takes no ANALYZE or options, and PIVOT cannot be used."
        )
    return tree["statements"]


def _check_tree(tree: Json) -> None:
    remaining = [tree]
    while remaining:
        node = remaining.pop()
        if isinstance(node, dict):
            _check_node(node)
            remaining += node.values()
        elif isinstance(node, list):
            remaining += node


def _check_node(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUERY_NODES:
        verb = kind.partition("_")[0]
        raise SqlRefused(
            f"There is a {verb} in this query, and the tables can only be read."
        )
    function = _function_name(node)
    if node.get("class") == "FUNCTION" and function in REFUSED_FUNCTIONS:
        raise _function_refused(function)
    if kind == "TABLE_FUNCTION":
        table_function = _function_name(node["function"])
        if table_function not in TABLE_FUNCTIONS:
            raise _function_refused(table_function)
    if kind == "BASE_TABLE":
        _check_table(node["qualified_name"]["path"])


def _function_name(node: dict[str, Any]) -> str:
    return str(node.get("function_name", "")).lower()


def _check_table(path: list[str]) -> None:
    """Refuse a table of another database, and a file: DuckDB reads 'x.csv' as a table."""
    *schemas, table = path
    is_known_schema = SCHEMAS.issuperset(schema.lower() for schema in schemas)
    if not _TABLE_NAME.fullmatch(table) or not is_known_schema:
        raise SqlRefused(
            f"{'.'.join(path)!r} is not one of the tables here, and files cannot be read. "
            "SHOW TABLES lists the tables."
        )


def _function_refused(name: str) -> SqlRefused:
    return SqlRefused(
        f"The function {name!r} cannot be used here: queries reach the tables of this home "
        "and nothing else. To read files, use DuckDB in your own notebook."
    )
