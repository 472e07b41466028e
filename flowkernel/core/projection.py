"""What executions and cell runs are, given the events that happened to them. Pure.

The store keeps events for ever; `execution` and `cell_run` are the fold of them. The same
functions make the tables, rebuild them, and keep the tree on a person's screen current.
How far an execution is, which nobody stores, is `progress`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from flowkernel.core.errors import MoveNotAllowed, NotOpen
from flowkernel.core.models import (
    CellError,
    CellRun,
    Decision,
    DecisionVerb,
    Event,
    EventKind,
    Execution,
    Failure,
    Message,
    RequestedAction,
)
from flowkernel.core.status import CellStatus, ExecutionStatus, MessageStatus

S = ExecutionStatus
K = EventKind
A = RequestedAction

#: Where an event of this kind takes an execution. Kinds that are not here move nothing.
MOVED_TO = {
    K.QUEUED: S.QUEUED,
    K.STARTED: S.RUNNING,
    K.WAITING: S.WAITING,
    K.RESUMED: S.RUNNING,
    K.PAUSED: S.PAUSED,
    K.LOST: S.QUEUED,
    K.FAILED: S.PAUSED,
}
#: Decisions after which the same execution goes on, in its live kernel.
LIVE_VERBS = frozenset({DecisionVerb.RETRY_CELL, DecisionVerb.SKIP})
CELL_KINDS = frozenset({K.CELL_STARTED, K.CELL_ENDED})
MESSAGE_KINDS = frozenset(
    {K.MESSAGE_SENT, K.MESSAGE_CHANGED, K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED}
)
#: What may still be said of an execution that has ended.
AFTER_THE_END = frozenset({K.SAVED, K.LOGGED})
SAVED_FIELDS = frozenset({"name", "status_message", "is_archived"})


def fold(execution: Execution | None, event: Event) -> Execution:
    """The execution after the event.

    Raises:
        MoveNotAllowed: The event would leave an ended status, or make a move that the
            table in `status.py` does not have.
    """
    if execution is None:
        if event.kind is not K.CREATED:
            raise MoveNotAllowed(event.execution_id, "unknown", _changed_by(event))
        return replace(Execution.from_json(event.payload), last_seq=event.seq)
    if event.kind is K.CREATED:
        raise MoveNotAllowed(event.execution_id, execution.status, "created again")
    target = target_of(event)
    if target is None:
        is_over = execution.status.is_ended and event.kind not in AFTER_THE_END
        if is_over or _is_undecidable(execution, event):
            raise MoveNotAllowed(
                execution.execution_id, execution.status, _changed_by(event)
            )
    elif not execution.status.can_become(target) or _is_outdated(execution, event):
        raise MoveNotAllowed(execution.execution_id, execution.status, target)
    change = DETAILS.get(event.kind)
    after = change(execution, event) if change is not None else execution
    return replace(after, status=target or after.status, last_seq=event.seq)


def _changed_by(event: Event) -> str:
    return f"changed by the event {event.kind.value!r}"


def _is_outdated(execution: Execution, event: Event) -> bool:
    """Whether it was decided on something that is no longer so.

    A kernel would pause although that was taken back; a slot is given to one that was put
    aside, or whose worker was lost, meanwhile; what failed is queued again by now.
    """
    match event.kind:
        case K.PAUSED:
            has_kernel = execution.status in (S.RUNNING, S.WAITING)
            return has_kernel and execution.requested_action is not A.PAUSE
        case K.STARTED:
            return execution.status is not S.QUEUED
        case K.RESUMED:
            return execution.status is S.QUEUED or execution.is_failed
        case K.QUEUED:  # What has a kernel is queued by its loss alone.
            return execution.is_failed or execution.status in (S.RUNNING, S.WAITING)
        case K.FAILED:
            has_kernel = execution.status in (S.RUNNING, S.WAITING)
            return not (execution.parks and has_kernel)
        case _:
            return False


def _is_undecidable(execution: Execution, event: Event) -> bool:
    """Whether something is decided that is decided already, or cannot be done any more."""
    match event.kind:
        case K.DECIDED:
            is_live = event.payload["verb"] in LIVE_VERBS
            is_cancelled = execution.requested_action is A.CANCEL
            can_go_on = execution.parked_at is not None and not is_cancelled
            return not execution.is_failed or (is_live and not can_go_on)
        case K.REQUESTED:
            return execution.is_failed and event.payload["what"] != A.CANCEL
        case K.KERNEL_LOST:
            return execution.status is not S.PAUSED or execution.failure is None
        case _:
            return False


def target_of(event: Event) -> ExecutionStatus | None:
    """The status an event asks for; None if it asks for none."""
    if event.kind is K.ENDED:
        return S(event.payload["status"])
    return MOVED_TO.get(event.kind)


def _started(execution: Execution, event: Event) -> Execution:
    return replace(
        execution,
        worker=event.payload["worker"],
        notebook_path=event.payload.get("notebook_path", execution.notebook_path),
        started_at=event.happened_at,
        status_message=None,
    )


def _waits(execution: Execution, event: Event) -> Execution:
    # If it is being cancelled, who did that stands there.
    is_cancelled = execution.requested_action is A.CANCEL
    message = execution.status_message if is_cancelled else event.payload.get("on")
    return replace(execution, status_message=message)


def _resumed(execution: Execution, _event: Event) -> Execution:
    action = execution.requested_action
    return replace(
        execution,
        status_message=None if execution.failure else _last_word(execution),
        requested_action=None if action is A.RESUME else action,
        error=None,
        failure=None,
        parked_at=None,
    )


def _failed(execution: Execution, event: Event) -> Execution:
    payload = event.payload
    failure = Failure.from_json(payload.get("failure") or {})
    return replace(
        execution,
        status_message=payload["status_message"],
        error=_error_in(event),
        failure=replace(failure, failed_at=event.happened_at),
        parked_at=event.happened_at if payload["is_parked"] else None,
        worker=execution.worker if payload["is_parked"] else None,
        requested_action=_cancel_only(execution),
        decision=None,
    )


def _decided(execution: Execution, event: Event) -> Execution:
    decision = replace(Decision.from_json(event.payload), decision_id=event.event_id)
    is_live = decision.verb in LIVE_VERBS
    action = A.RESUME if is_live else execution.requested_action
    return replace(execution, decision=decision, requested_action=action)


def _kernel_lost(execution: Execution, event: Event) -> Execution:
    assert execution.failure is not None, "`_is_undecidable` refuses the others"
    return replace(
        execution,
        failure=replace(execution.failure, kernel_lost=event.payload["why"]),
        parked_at=None,
        worker=None,
        requested_action=_cancel_only(execution),
        decision=None,
    )


def _lost(execution: Execution, event: Event) -> Execution:
    return replace(
        execution,
        losses=execution.losses + 1,
        started_at=None,
        worker=None,
        status_message=event.payload.get("why"),
    )


def _done_as_requested(execution: Execution, _event: Event) -> Execution:
    return replace(execution, requested_action=None)


def _requested(execution: Execution, event: Event) -> Execution:
    message = event.payload.get("why", execution.status_message)
    action = A(event.payload["what"]) if event.payload["what"] is not None else None
    return replace(execution, requested_action=action, status_message=message)


def _saved(execution: Execution, event: Event) -> Execution:
    return replace(
        execution, **{k: v for k, v in event.payload.items() if k in SAVED_FIELDS}
    )


def _output_set(execution: Execution, event: Event) -> Execution:
    return replace(execution, output=event.payload["output"])


def _cells_counted(execution: Execution, event: Event) -> Execution:
    return replace(execution, cell_count=event.payload["cell_count"])


def _ended(execution: Execution, event: Event) -> Execution:
    said = event.payload
    return replace(
        execution,
        status_message=said.get("status_message") or _last_word(execution),
        error=_error_in(event),
        notebook_path=said.get("notebook_path", execution.notebook_path),
        ended_at=event.happened_at,
        parked_at=None,
    )


#: What an event of this kind changes, but for the status. The others change nothing more.
DETAILS: Mapping[EventKind, Callable[[Execution, Event], Execution]] = {
    K.QUEUED: _done_as_requested,
    K.STARTED: _started,
    K.WAITING: _waits,
    K.RESUMED: _resumed,
    K.PAUSED: _done_as_requested,
    K.LOST: _lost,
    K.FAILED: _failed,
    K.DECIDED: _decided,
    K.KERNEL_LOST: _kernel_lost,
    K.SAVED: _saved,
    K.OUTPUT_SET: _output_set,
    K.CELLS_COUNTED: _cells_counted,
    K.REQUESTED: _requested,
    K.ENDED: _ended,
}


def _error_in(event: Event) -> CellError | None:
    error = event.payload.get("error")
    return CellError.from_json(error) if error else None


def _cancel_only(execution: Execution) -> RequestedAction | None:
    """What stays requested of an execution that failed: a cancel, and nothing else."""
    return A.CANCEL if execution.requested_action is A.CANCEL else None


def _last_word(execution: Execution) -> str | None:
    """The message that stays when what it waited for is over, if it waited."""
    is_cancelled = execution.requested_action is A.CANCEL
    is_only_waiting = execution.status is S.WAITING and not is_cancelled
    return None if is_only_waiting else execution.status_message


def fold_cell(cell_run: CellRun | None, event: Event) -> CellRun | None:
    """The cell run after the event; None if the event is about a run nobody started."""
    said = event.payload
    if event.kind is K.CELL_STARTED:
        return CellRun(
            cell_run_id=said["cell_run_id"],
            execution_id=event.execution_id,
            root_id=event.root_id,
            cell_id=said["cell_id"],
            cell_index=said["cell_index"],
            source_hash=said["source_hash"],
            status=CellStatus.RUNNING,
            started_at=event.happened_at,
            last_seq=event.seq,
        )
    if cell_run is None or cell_run.ended_at is not None:
        return cell_run
    return replace(
        cell_run,
        status=CellStatus(said["status"]),
        ended_at=event.happened_at,
        error_name=said.get("error_name"),
        error_message=said.get("error_message"),
        traceback=said.get("traceback"),
        last_seq=event.seq,
    )


def close_cell(cell_run: CellRun, event: Event) -> CellRun:
    """A cell run whose execution was lost or ended before the cell was heard of again."""
    return replace(
        cell_run, status=CellStatus.LOST, ended_at=event.happened_at, last_seq=event.seq
    )


def fold_message(message: Message | None, event: Event) -> Message:
    """The message after the event.

    Raises:
        NotOpen: It is not open any more; says who was first.
    """
    said = event.payload
    if event.kind is K.MESSAGE_SENT:
        return _sent(event)
    if message is None:
        raise NotOpen("This message does not wait for an answer any more.")
    if message.status is not MessageStatus.OPEN:
        raise NotOpen(why_not_open(message))
    if event.kind is K.MESSAGE_CHANGED:
        return replace(message, message=said["message"], body=said["body"])
    if event.kind is K.MESSAGE_ANSWERED:
        return replace(
            message,
            status=MessageStatus.ANSWERED,
            response=said["response"],
            answered_by=event.actor,
            answered_from=said.get("answered_from"),
            answered_at=event.happened_at,
        )
    return close_message(message, event, MessageStatus(said["status"]), said["why"])


def _sent(event: Event) -> Message:
    said = event.payload
    expires_at = said.get("expires_at")
    return Message(
        message_id=said["message_id"],
        execution_id=event.execution_id,
        root_id=event.root_id,
        subject=said["subject"],
        message=said.get("message"),
        message_type=said["message_type"],
        created_at=event.happened_at,
        status=MessageStatus.OPEN if said.get("body") else MessageStatus.NOTE,
        body=said.get("body"),
        call_key=said.get("call_key"),
        about_id=said.get("about_id"),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )


def close_message(
    message: Message, event: Event, status: MessageStatus, why: str
) -> Message:
    """The message, once nobody waits for its answer any more."""
    return replace(message, status=status, closed_at=event.happened_at, closed_why=why)


def why_not_open(message: Message) -> str:
    """Why it cannot be answered, for whoever wanted to."""
    match message.status:
        case MessageStatus.ANSWERED:
            at = message.answered_at
            return (
                f"{message.answered_by or 'Somebody'} was first, "
                f"{f'at {at:%H:%M:%S} UTC ' if at else ''}"
                f"from {message.answered_from or 'somewhere'}: "
                f"{pressed_in(message)}."
            )
        case MessageStatus.NOTE:
            return f"{message.subject!r} is a note: it asks for nothing."
        case _:
            return f"{message.subject!r} is closed. {message.closed_why}"


def pressed_in(message: Message) -> str:
    """The label of the button that was pressed."""
    properties = (message.body or {}).get("properties", {})
    for name, asked in properties.items():
        if asked.get("element") == "submit" and (message.response or {}).get(name):
            return str(asked.get("label") or name)
    return "answered"
