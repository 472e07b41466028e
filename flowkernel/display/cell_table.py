"""The cells that ran, as a table. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from flowkernel.core.cell_numbers import SHOWN_LINE
from flowkernel.core.models import CellRun
from flowkernel.core.text import duration_text, one_line
from flowkernel.display.table import Table

#: The error by which a run ends with a message of its own, or with that of another run.
PASSED_ON = "ExecutionError"


def cell_table(cell_runs: Sequence[CellRun], marks: Mapping[str, str]) -> Table:
    """A row for each. `marks`: what was decided on some, by their ids."""
    return Table(
        ("cell", "source", "status", "took", "error"),
        tuple(
            _cell_row(cell_run, marks.get(cell_run.cell_run_id, ""))
            for cell_run in shown_cells(cell_runs)
        ),
    )


def shown_cells(cell_runs: Sequence[CellRun]) -> Iterator[CellRun]:
    """Those with a row: the cell that defines a `handler` and its call are one for people."""
    for cell_run, following in zip_longest(cell_runs, cell_runs[1:]):
        is_definition = (
            following is not None
            and cell_run.cell_number is not None
            and cell_run.cell_number == following.cell_number
            and cell_run.cell_id != following.cell_id
            and cell_run.error_name is None
        )
        if not is_definition:
            yield cell_run


def _cell_row(cell_run: CellRun, mark: str) -> tuple[int | None, str, str, str, str]:
    duration = ""
    if cell_run.ended_at:
        seconds = (cell_run.ended_at - cell_run.started_at).total_seconds()
        duration = duration_text(seconds)
    # An `ExecutionError` says how another run ended, and that names the error.
    is_passed_on = cell_run.error_name == PASSED_ON and cell_run.error_message
    name = None if is_passed_on else cell_run.error_name
    parts = (name, cell_run.error_message)
    error = one_line(": ".join(part for part in parts if part), None)
    status = ", ".join(filter(None, (cell_run.status.label, mark)))
    source = cell_run.first_line or cell_run.cell_id
    return cell_run.cell_number, one_line(source, SHOWN_LINE), status, duration, error
