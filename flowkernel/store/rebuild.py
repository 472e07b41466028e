"""Making the tables `execution`, `cell_run` and `message` again from the table `event`."""

from collections.abc import Iterator
from itertools import groupby

from flowkernel.core.models import CellRun, Event, Execution, Message
from flowkernel.store import rows
from flowkernel.store.database import Connection
from flowkernel.store.event_rows import CellRuns, Messages, effect_of
from flowkernel.store.sql_files import queries
from flowkernel.store.tables import insert

#: How many events are read at a time, and how many executions are written at a time.
PAGE = 10_000


def rebuild(connection: Connection, reader: Connection) -> None:
    """Make the three tables from `event`, in one transaction.

    Nothing else may use the two connections while this runs; `reader` streams.
    """
    connection.begin()
    connection.execute(queries()["clear_projections"])
    executions: list[Execution] = []
    cell_runs: list[CellRun] = []
    messages: list[Message] = []

    def flush() -> None:
        insert(connection, rows.EXECUTION, executions)
        insert(connection, rows.CELL_RUN, cell_runs)
        insert(connection, rows.MESSAGE, messages)
        for page in (executions, cell_runs, messages):
            page.clear()

    for _, history in groupby(_all_events(reader), lambda event: event.execution_id):
        execution, its_cell_runs, its_messages = _replay(history)
        executions.append(execution)
        cell_runs += its_cell_runs
        messages += its_messages
        if len(executions) >= PAGE:
            flush()
    flush()
    connection.commit()


def _replay(history: Iterator[Event]) -> tuple[Execution, list[CellRun], list[Message]]:
    """What the events of one execution, in order, make of it."""
    execution: Execution | None = None
    cell_runs: CellRuns = {}
    messages: Messages = {}
    for event in history:
        effect = effect_of(execution, cell_runs, messages, event)
        execution = effect.execution
        cell_runs.update(effect.cell_runs)
        messages.update(effect.messages)
    assert execution is not None, "groupby gives no empty group"
    return (
        execution,
        [run for run in cell_runs.values() if run],
        [message for message in messages.values() if message],
    )


def _all_events(reader: Connection) -> Iterator[Event]:
    """All events, ordered by execution."""
    result = reader.execute(queries()["all_events"])
    names = [column[0] for column in result.description]
    while page := result.fetchmany(PAGE):
        for row in page:
            yield rows.EVENT.model_of(dict(zip(names, row, strict=True)))
