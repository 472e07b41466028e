"""Writing changes to the tables: few statements for each table, many rows in each."""

from collections.abc import Mapping, Sequence, Set

from flowkernel.core.json_values import dumps
from flowkernel.core.models import EventKind
from flowkernel.store import rows
from flowkernel.store.database import Connection
from flowkernel.store.pending_changes import DatedVersion, PendingChanges
from flowkernel.store.sql_files import queries

VERSION_COLUMNS = [
    *("hash", "flow_name", "kind", "source"),
    *("setup_source", "path", "created_at", "parameters"),
]


def write_changes(connection: Connection, changes: PendingChanges) -> None:
    """Write changes, within the transaction that is open."""
    logs = [event for event in changes.events if event.kind is EventKind.LOGGED]
    events = [event for event in changes.events if event.kind is not EventKind.LOGGED]
    insert(connection, rows.EVENT, events)
    append_rows(connection, "log", rows.LOG_COLUMNS, [rows.log_row(e) for e in logs])
    upsert(connection, rows.EXECUTION, changes.executions, changes.new_executions)
    cell_runs, messages = by_id(changes.cell_runs), by_id(changes.messages)
    upsert(connection, rows.CELL_RUN, cell_runs, changes.new_cell_runs)
    upsert(connection, rows.MESSAGE, messages, changes.new_messages)
    if changes.flows:
        connection.execute(queries()["delete_flows"], {"names": list(changes.flows)})
        insert(connection, rows.FLOW, [flow for flow in changes.flows.values() if flow])
    insert_versions(connection, list(changes.versions.values()))
    if changes.pruned:
        for sql in queries()["prune"].split(";\n"):
            connection.execute(sql, {"ids": list(changes.pruned)})
    if changes.events:
        save_meta(connection, "applied_seq", changes.events[-1].seq)
    save_meta(connection, "applied_frame", changes.frame)


def by_id(parts: Mapping[str, Mapping[str, rows.T]]) -> dict[str, rows.T]:
    """The records of all executions as one mapping, by their own ids."""
    return {key: record for part in parts.values() for key, record in part.items()}


def upsert(
    connection: Connection,
    table: rows.TableLayout[rows.T],
    records: Mapping[str, rows.T],
    new_ids: Set[str],
) -> None:
    """Insert the records whose ids are new, and update the others."""
    insert(connection, table, [r for key, r in records.items() if key in new_ids])
    update(connection, table, [r for key, r in records.items() if key not in new_ids])


def save_meta(connection: Connection, key: str, value: object) -> None:
    """Replace one value of the table `meta`."""
    connection.execute(queries()["save_meta"], {"key": key, "value": str(value)})


def insert(
    connection: Connection, table: rows.TableLayout[rows.T], records: Sequence[rows.T]
) -> None:
    """Add a row for each record."""
    columns = table.columns
    append_rows(connection, table.name, columns, table.rows(records, columns))


def update(
    connection: Connection, table: rows.TableLayout[rows.T], records: Sequence[rows.T]
) -> None:
    """Overwrite the rows of these records, but not the columns that never change."""
    if not records:
        return
    columns = table.changing
    with connection.appender(
        table.name, columns=columns, action="update", key=[table.key]
    ) as appender:
        appender.append_rows(table.rows(records, columns))


def insert_versions(connection: Connection, versions: Sequence[DatedVersion]) -> None:
    """Add flow versions. The column for the field `flow_version` is called `hash`."""
    values = [
        (
            v.flow_version,
            v.flow_name,
            str(v.kind),
            v.source,
            v.setup_source,
            v.path,
            rows.stored_moment(created_at),
            None if v.parameters is None else dumps(v.parameters),
        )
        for v, created_at in versions
    ]
    append_rows(connection, "flow_version", VERSION_COLUMNS, values)


def append_rows(
    connection: Connection, table: str, columns: list[str], values: Sequence[rows.Row]
) -> None:
    """Add rows, if there are any."""
    if values:
        with connection.appender(table, columns=columns) as appender:
            appender.append_rows(values)
