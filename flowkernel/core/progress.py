"""How far an execution is, computed from its events. Pure."""

from dataclasses import dataclass, replace

from flowkernel.core.json_record import JsonRecord
from flowkernel.core.models import Event, EventKind

LAST_LOG = 200  #: Characters of `Progress.last_log`, inclusive.
K = EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(JsonRecord):
    """How far a running execution is. Shown, not stored: it is computed from events."""

    cells_ended: int = 0
    cell_index: int | None = None  #: The cell that runs now, counted from 0.
    last_log: str | None = None  #: The last line it logged or printed, cut.


def fold_progress(progress: Progress, event: Event) -> Progress:
    """The progress after the event."""
    match event.kind:
        case K.STARTED:
            return Progress()
        case K.CELL_STARTED:
            return replace(progress, cell_index=event.payload["cell_index"])
        case K.CELL_ENDED:
            return replace(
                progress, cells_ended=progress.cells_ended + 1, cell_index=None
            )
        case K.LOGGED:
            lines = [
                line for line in event.payload["text"].splitlines() if line.strip()
            ]
            return (
                replace(progress, last_log=lines[-1][:LAST_LOG]) if lines else progress
            )
        case _:
            return progress
