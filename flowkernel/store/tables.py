"""Changes into the tables: one columnar statement for each table, in one transaction."""

from collections.abc import Mapping, Sequence, Set

from flowkernel.core.models import EventKind
from flowkernel.store import rows
from flowkernel.store.database import Connection
from flowkernel.store.pending_changes import DatedVersion, PendingChanges
from flowkernel.store.sql_files import queries


def write(connection: Connection, changes: PendingChanges) -> None:
    """Write changes within the transaction that is open."""
    logged = [event for event in changes.events if event.kind is EventKind.LOGGED]
    events = [event for event in changes.events if event.kind is not EventKind.LOGGED]
    insert(connection, rows.EVENT, events)
    append_rows(connection, "log", rows.LOG_COLUMNS, [rows.log_row(e) for e in logged])
    put(connection, rows.EXECUTION, changes.executions, changes.born)
    put(connection, rows.CELL_RUN, flat(changes.cells), changes.cells_born)
    put(connection, rows.MESSAGE, flat(changes.messages), changes.messages_born)
    if changes.flows:
        connection.execute(queries()["delete_flows"], {"names": list(changes.flows)})
        insert(connection, rows.FLOW, [flow for flow in changes.flows.values() if flow])
    write_versions(connection, list(changes.versions.values()))
    if changes.pruned:
        for sql in queries()["prune"].split(";\n"):
            connection.execute(sql, {"ids": list(changes.pruned)})
    if changes.events:
        save_meta(connection, "applied_seq", changes.events[-1].seq)
    save_meta(connection, "applied_frame", changes.frame)


def flat(parts: Mapping[str, Mapping[str, rows.T]]) -> dict[str, rows.T]:
    """By their own ids, whichever execution they belong to."""
    return {key: one for part in parts.values() for key, one in part.items()}


def put(
    connection: Connection,
    table: rows.TableLayout[rows.T],
    values: Mapping[str, rows.T],
    born: Set[str],
) -> None:
    """Add those that were born, and overwrite the others."""
    insert(connection, table, [one for key, one in values.items() if key in born])
    update(connection, table, [one for key, one in values.items() if key not in born])


def save_meta(connection: Connection, key: str, value: object) -> None:
    """Overwrite one value of `meta`."""
    connection.execute(queries()["save_meta"], {"key": key, "value": str(value)})


def insert(
    connection: Connection, table: rows.TableLayout[rows.T], values: Sequence[rows.T]
) -> None:
    """Add rows."""
    columns = table.columns
    append_rows(connection, table.name, columns, table.rows(values, columns))


def update(
    connection: Connection, table: rows.TableLayout[rows.T], values: Sequence[rows.T]
) -> None:
    """Overwrite the changing columns of rows that are there."""
    if not values:
        return
    columns = table.changing
    with connection.appender(
        table.name, columns=columns, action="update", key=[table.key]
    ) as appender:
        appender.append_rows(table.rows(values, columns))


def write_versions(connection: Connection, versions: Sequence[DatedVersion]) -> None:
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
    added = [
        (
            v.flow_version,
            v.flow_name,
            str(v.kind),
            v.source,
            v.setup_source,
            v.path,
            rows.stored_at(created_at),
        )
        for v, created_at in versions
    ]
    append_rows(connection, "flow_version", columns, added)


def append_rows(
    connection: Connection, table: str, columns: list[str], values: Sequence[rows.Row]
) -> None:
    """Add rows by their values."""
    if values:
        with connection.appender(table, columns=columns) as appender:
            appender.append_rows(values)
