"""How far an execution is, computed from its events. Pure."""

from dataclasses import dataclass, replace

from flowkernel.core.json_record import JsonRecord
from flowkernel.core.models import Event, EventKind

LAST_LOG = 200  #: Characters of `Progress.last_log`, inclusive.
K = EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(JsonRecord):
    """How far a running execution is. Shown, not stored: it is computed from events."""

    cells_ended: int = 0  #: As their author counts: see `cell_numbers`.
    cell_index: int | None = None  #: The cell that runs now, counted from 0.
    cell_number: int | None = None  #: The same, as its author counts.
    first_line: str | None = None  #: Of the source of that cell.
    last_log: str | None = None  #: The last line it logged or printed, cut.


def fold_progress(progress: Progress, event: Event) -> Progress:
    """The progress after the event."""
    match event.kind:
        case K.STARTED:
            return Progress()
        case K.CELL_STARTED:
            return _with_cell(progress, event)
        case K.CELL_ENDED:
            ended = max(progress.cells_ended, progress.cell_number or 0)
            return replace(_between_cells(progress), cells_ended=ended)
        case K.LOGGED:
            lines = [
                line for line in event.payload["text"].splitlines() if line.strip()
            ]
            return (
                replace(progress, last_log=lines[-1][:LAST_LOG]) if lines else progress
            )
        case _:
            return progress


def _with_cell(progress: Progress, event: Event) -> Progress:
    """A worker of an older version says no number: each cell that it runs counts."""
    payload, ended = event.payload, progress.cells_ended
    number = payload.get("cell_number", ended + 1)
    return replace(
        progress,
        cell_index=payload["cell_index"],
        cell_number=number,
        first_line=payload.get("first_line"),
        cells_ended=ended if number is None else number - 1,
    )


def _between_cells(progress: Progress) -> Progress:
    return replace(progress, cell_index=None, cell_number=None, first_line=None)
