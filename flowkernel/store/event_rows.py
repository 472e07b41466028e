"""Which rows one event changes. Recording, replaying and rebuilding all use this.

Pure: it takes what is known of an execution and an event, and returns the changed rows.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace

from flowkernel.core.message_projection import (
    MESSAGE_KINDS,
    close_message,
    fold_message,
)
from flowkernel.core.models import CellRun, Event, EventKind, Execution, Message
from flowkernel.core.projection import (
    CELL_KINDS,
    close_cell,
    fold,
    fold_cell,
)
from flowkernel.core.status import MessageStatus

K = EventKind
#: After these events no cell of the execution can still run in its previous kernel.
KERNEL_GONE_KINDS = frozenset({K.STARTED, K.LOST, K.FAILED, K.ENDED})

#: The cell runs of one execution, by id; None for an ended one that is not in memory.
CellRuns = MutableMapping[str, CellRun | None]
#: The messages of one execution, by id; None for one that is not open and not in memory.
Messages = MutableMapping[str, Message | None]


@dataclass(frozen=True, slots=True)
class EventEffect:
    """The rows of one execution as they are after an event."""

    execution: Execution  #: The same object as before if the event did not change it.
    cell_runs: dict[str, CellRun]  #: Those that the event changed or started.
    messages: dict[str, Message]  #: Those that the event sent or changed.

    @property
    def records(self) -> Iterator[Execution | CellRun | Message]:
        """All of them."""
        yield self.execution
        yield from self.cell_runs.values()
        yield from self.messages.values()


def effect_of(
    execution: Execution | None, cell_runs: CellRuns, messages: Messages, event: Event
) -> EventEffect:
    """The effect of an event on an execution; None: there is no such execution yet.

    An event that changes nothing of the execution leaves its `last_seq` unchanged too, so
    that events of cells and log lines do not cost an update of its row.

    Raises:
        MoveNotAllowed: See `fold`.
        NotOpen: See `fold_message`.
    """
    changed_messages = _changed_messages(messages, event)
    result = fold(execution, event)
    if execution is not None:
        is_same = replace(result, last_seq=execution.last_seq) == execution
        result = execution if is_same else result
    return EventEffect(result, _changed_cell_runs(cell_runs, event), changed_messages)


def _changed_cell_runs(cell_runs: CellRuns, event: Event) -> dict[str, CellRun]:
    """The cell runs that an event starts, ends or closes.

    A second event that starts the same cell run changes nothing.
    """
    if event.kind in KERNEL_GONE_KINDS:
        running = [run for run in cell_runs.values() if run and run.ended_at is None]
        return {run.cell_run_id: close_cell(run, event) for run in running}
    if event.kind not in CELL_KINDS:
        return {}
    cell_run_id = event.payload["cell_run_id"]
    previous = cell_runs.get(cell_run_id)
    if event.kind is K.CELL_STARTED and cell_run_id in cell_runs:
        return {}
    cell_run = fold_cell(previous, event)
    if cell_run is None or cell_run is previous:
        return {}
    return {cell_run_id: cell_run}


def _changed_messages(messages: Messages, event: Event) -> dict[str, Message]:
    """The messages that an event sends or changes.

    The end of an execution closes its own, except those that outlive it.
    """
    if event.kind in MESSAGE_KINDS:
        message_id = event.payload["message_id"]
        if event.kind is K.MESSAGE_SENT and message_id in messages:
            return {}
        return {message_id: fold_message(messages.get(message_id), event)}
    if event.kind is not K.ENDED:
        return {}
    reason = "Its run ended before there was an answer."
    return {
        key: close_message(message, event, MessageStatus.CLOSED, reason)
        for key, message in messages.items()
        if message is not None
        and message.status is MessageStatus.OPEN
        and not message.outlives
    }


def open_only(messages: Mapping[str, Message]) -> Messages:
    """The messages as they are held in memory: those that are not open become None."""
    return {
        key: message if message.status is MessageStatus.OPEN else None
        for key, message in messages.items()
    }


def outliving_only(messages: Mapping[str, Message | None]) -> Messages:
    """Of the messages of an execution, those that wait for an answer when it has ended."""
    return {
        key: message
        for key, message in messages.items()
        if message is not None
        and message.outlives
        and message.status is MessageStatus.OPEN
    }
