"""Making the folded tables anew from the events."""

from collections.abc import Iterator
from itertools import groupby

from flowkernel.core.models import CellRun, Event, Execution, Message
from flowkernel.store import rows
from flowkernel.store.database import Connection
from flowkernel.store.event_rows import Cells, Messages, step
from flowkernel.store.sql_files import queries
from flowkernel.store.tables import insert

PAGE = 10_000  #: Events read at a time; executions written at a time.


def rebuild(connection: Connection, reader: Connection) -> None:
    """Make `execution`, `cell_run` and `message` from `event`, in one transaction.

    Both connections are the caller's alone while this runs; `reader` streams.
    """
    connection.begin()
    connection.execute(queries()["clear_folds"])
    executions: list[Execution] = []
    cells: list[CellRun] = []
    messages: list[Message] = []

    def put_down() -> None:
        insert(connection, rows.EXECUTION, executions)
        insert(connection, rows.CELL_RUN, cells)
        insert(connection, rows.MESSAGE, messages)
        for part in (executions, cells, messages):
            part.clear()

    for _, history in groupby(
        _all_events(reader), key=lambda event: event.execution_id
    ):
        execution, runs, sent = folded(history)
        executions.append(execution)
        cells += runs
        messages += sent
        if len(executions) >= PAGE:
            put_down()
    put_down()
    connection.commit()


def folded(history: Iterator[Event]) -> tuple[Execution, list[CellRun], list[Message]]:
    """What the events of one execution, in order, amount to."""
    execution: Execution | None = None
    cells: Cells = {}
    messages: Messages = {}
    for event in history:
        after = step(execution, cells, messages, event)
        execution = after.execution
        cells.update(after.cells)
        messages.update(after.messages)
    assert execution is not None, "groupby gives no empty group"
    return (
        execution,
        [run for run in cells.values() if run],
        [message for message in messages.values() if message],
    )


def _all_events(reader: Connection) -> Iterator[Event]:
    result = reader.execute(queries()["all_events"])
    names = [column[0] for column in result.description]
    while found := result.fetchmany(PAGE):
        for row in found:
            yield rows.EVENT.model_of(dict(zip(names, row, strict=True)))
