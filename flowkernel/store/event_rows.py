"""From one event to the rows it makes: for recording, replaying and rebuilding alike. Pure."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace

from flowkernel.core.models import CellRun, Event, EventKind, Execution, Message
from flowkernel.core.projection import (
    CELL_KINDS,
    MESSAGE_KINDS,
    close_cell,
    close_message,
    fold,
    fold_cell,
    fold_message,
)
from flowkernel.core.status import MessageStatus

K = EventKind
#: After these no cell of the execution can still be running in the kernel it had.
CLOSES_CELLS = frozenset({K.STARTED, K.LOST, K.FAILED, K.ENDED})

#: By id; None for one that ended, if only that is known.
Cells = MutableMapping[str, CellRun | None]
#: The same of one execution; None for one that is not open any more.
Messages = MutableMapping[str, Message | None]


@dataclass(frozen=True, slots=True)
class EventEffect:
    """What one event makes of an execution."""

    execution: Execution
    cells: dict[str, CellRun]  #: The cell runs it changed or began.
    messages: dict[str, Message]  #: The messages it sent or changed.


def step(
    execution: Execution | None, cells: Cells, messages: Messages, event: Event
) -> EventEffect:
    """The one way from an event to rows.

    An event that changes nothing of the execution leaves its `last_seq` too, so that
    cells and log lines cost no update of its row. A cell run that is started twice
    stays as it was first.

    Raises:
        MoveNotAllowed: See `fold` and `fold_message`.
    """
    told = _messages(messages, event)
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
    return EventEffect(after, changed, told)


def _messages(messages: Messages, event: Event) -> dict[str, Message]:
    """The messages that an event sends or changes. None outlives its execution open."""
    if event.kind in MESSAGE_KINDS:
        message_id = event.payload["message_id"]
        if event.kind is K.MESSAGE_SENT and message_id in messages:
            return {}
        return {message_id: fold_message(messages.get(message_id), event)}
    if event.kind is not K.ENDED:
        return {}
    why = "Its execution ended before anybody answered."
    return {
        key: close_message(message, event, MessageStatus.CLOSED, why)
        for key, message in messages.items()
        if message is not None and message.status is MessageStatus.OPEN
    }


def map_open(messages: Mapping[str, Message]) -> Messages:
    """Messages as they are known by heart: only that it was there, once it is not open."""
    return {
        key: message if message.status is MessageStatus.OPEN else None
        for key, message in messages.items()
    }
