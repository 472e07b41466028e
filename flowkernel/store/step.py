"""From one event to the rows it makes: for recording, replaying and rebuilding alike. Pure."""

from collections.abc import MutableMapping
from dataclasses import dataclass, replace

from flowkernel.fold import CELL_KINDS, close_cell, fold, fold_cell
from flowkernel.models import CellRun, Event, EventKind, Execution, Message

K = EventKind
#: After these no cell of the execution can still be running in the kernel it had.
CLOSES_CELLS = frozenset({K.STARTED, K.LOST, K.ENDED})

#: By id; None for one that ended, if only that is known.
Cells = MutableMapping[str, CellRun | None]


@dataclass(frozen=True, slots=True)
class Step:
    """What one event makes of an execution."""

    execution: Execution
    cells: dict[str, CellRun]  #: The cell runs it changed or began.
    message: Message | None = None


def step(execution: Execution | None, cells: Cells, event: Event) -> Step:
    """The one way from an event to rows.

    An event that changes nothing of the execution leaves its `last_seq` too, so that
    cells and log lines cost no update of its row. A cell run that is started twice
    stays as it was first.

    Raises:
        MoveNotAllowed: See `fold`.
    """
    after = fold(execution, event)
    if (
        execution is not None
        and replace(after, last_seq=execution.last_seq) == execution
    ):
        after = execution
    changed: dict[str, CellRun] = {}
    if event.kind in CLOSES_CELLS:
        running = [run for run in cells.values() if run and run.ended_at is None]
        changed = {run.cell_run_id: close_cell(run, event) for run in running}
    if event.kind in CELL_KINDS:
        cell_run_id = event.payload["cell_run_id"]
        before = cells.get(cell_run_id)
        is_repeated = event.kind is K.CELL_STARTED and cell_run_id in cells
        run = before if is_repeated else fold_cell(before, event)
        if run is not None and run is not before:
            changed = {cell_run_id: run}
    return Step(
        after, changed, message_of(event) if event.kind is K.MESSAGE_SENT else None
    )


def message_of(event: Event) -> Message:
    """The message that an event of kind MESSAGE_SENT tells of."""
    said = event.payload
    return Message(
        message_id=said["message_id"],
        execution_id=event.execution_id,
        root_id=event.root_id,
        subject=said["subject"],
        message=said.get("message"),
        message_type=said["message_type"],
        created_at=event.happened_at,
    )
