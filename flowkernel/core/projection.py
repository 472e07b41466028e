"""From events to executions and cell runs. Pure. Messages: `message_projection`.

The store keeps all events; the tables `execution`, `cell_run` and `message` are the fold
of them. The same functions make the tables, rebuild them, and keep the tree on a person's
screen current. How far an execution is, which is not stored, is in `progress`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.interventions import (
    LIVE_VERBS,
    SAVED_INTERVENTIONS,
    carried_out,
    with_carried_out,
    with_decision,
    without_decisions,
)
from flowkernel.core.models import (
    CellError,
    CellRun,
    Decision,
    Event,
    EventKind,
    Execution,
    Failure,
    Json,
    RequestedAction,
)
from flowkernel.core.person_waits import (
    PersonWait,
    after_answer,
    after_move,
    is_touched,
    with_wait,
    with_wait_under_way,
)
from flowkernel.core.status import CellStatus, ExecutionStatus

S = ExecutionStatus
K = EventKind
A = RequestedAction

#: The status that an event of this kind leads to. The others lead to none.
MOVED_TO = {
    K.QUEUED: S.QUEUED,
    K.STARTED: S.RUNNING,
    K.WAITING: S.WAITING,
    K.RESUMED: S.RUNNING,
    K.PAUSED: S.PAUSED,
    K.LOST: S.QUEUED,
    K.FAILED: S.PAUSED,
}
CELL_KINDS = frozenset({K.CELL_STARTED, K.CELL_ENDED})
#: What can still happen to an execution that has ended; to its messages, if they are open.
AFTER_THE_END = frozenset(
    {K.SAVED, K.LOGGED, K.ADOPTED, K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED}
)
SAVED_FIELDS = frozenset({"name", "status_message", "is_archived"})
SAVED_FIELDS |= SAVED_INTERVENTIONS | {"waiting_children", "asked_message_id"}


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
        is_late = execution.status.is_ended and event.kind not in AFTER_THE_END
        if is_late or _refuses_change(execution, event):
            raise MoveNotAllowed(
                execution.execution_id, execution.status, _changed_by(event)
            )
    elif not execution.status.can_become(target) or _refuses_move(execution, event):
        raise MoveNotAllowed(execution.execution_id, execution.status, target)
    change = DETAILS.get(event.kind)
    changed = change(execution, event) if change is not None else execution
    if target is not None:
        changed = after_move(replace(changed, status=target), event)
    if is_touched(execution, changed):
        changed = with_wait_under_way(execution, changed, event.happened_at)
    return replace(changed, last_seq=event.seq)


def _changed_by(event: Event) -> str:
    return f"changed by the event {event.kind.value!r}"


def _refuses_move(execution: Execution, event: Event) -> bool:
    """Whether the move, which the table allows, comes too late.

    A kernel pauses, but that is no longer requested; an execution gets a slot, but it was
    paused, or lost its worker, meanwhile; one fails that is queued again already.
    """
    match event.kind:
        case K.PAUSED:
            has_kernel = execution.status in (S.RUNNING, S.WAITING)
            return has_kernel and execution.requested_action is not A.PAUSE
        case K.STARTED:
            return execution.status is not S.QUEUED
        case K.RESUMED:
            return execution.status is S.QUEUED or execution.is_failed
        case K.QUEUED:  # One that has a kernel is queued only when that is lost.
            return execution.is_failed or execution.status in (S.RUNNING, S.WAITING)
        case K.FAILED:
            has_kernel = execution.status in (S.RUNNING, S.WAITING)
            return not (execution.parks and has_kernel)
        case _:
            return False


def _refuses_change(execution: Execution, event: Event) -> bool:
    """Whether a decision or request comes too late, or is no longer possible."""
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
    """The status that an event leads to; None if it leads to none."""
    if event.kind is K.ENDED:
        return S(event.payload["status"])
    return MOVED_TO.get(event.kind)


def _adopted(execution: Execution, event: Event) -> Execution:
    return replace(execution, adopted_by=event.payload["parent_id"])


def _started(execution: Execution, event: Event) -> Execution:
    return replace(
        execution,
        worker=event.payload["worker"],
        notebook_path=event.payload.get("notebook_path", execution.notebook_path),
        started_at=event.happened_at,
        status_message=None,
    )


def _waiting(execution: Execution, event: Event) -> Execution:
    # If it is being cancelled, the message says by whom.
    is_cancelled = execution.requested_action is A.CANCEL
    message = execution.status_message if is_cancelled else event.payload.get("on")
    return replace(execution, status_message=message)


def _resumed(execution: Execution, _event: Event) -> Execution:
    action = execution.requested_action
    return replace(
        execution,
        status_message=None if execution.failure else _message_after_wait(execution),
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
    decided = with_decision(execution, decision)
    return replace(decided, requested_action=action, asked_at=None)


def _continued(execution: Execution, _event: Event) -> Execution:
    return carried_out(execution)


def _kernel_lost(execution: Execution, event: Event) -> Execution:
    assert execution.failure is not None, "`_refuses_change` refuses the others"
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
        without_decisions(execution),
        losses=execution.losses + 1,
        started_at=None,
        worker=None,
        status_message=event.payload.get("why"),
    )


def _done_as_requested(execution: Execution, _event: Event) -> Execution:
    return replace(execution, requested_action=None)


def _requested(execution: Execution, event: Event) -> Execution:
    if execution.requested_action is A.CANCEL and event.payload["what"] != A.CANCEL:
        return execution  # A cancel stays. Older versions recorded what came after it.
    message = event.payload.get("why", execution.status_message)
    action = A(event.payload["what"]) if event.payload["what"] is not None else None
    return replace(execution, requested_action=action, status_message=message)


def _saved(execution: Execution, event: Event) -> Execution:
    payload = event.payload
    fields = {k: v for k, v in payload.items() if k in SAVED_FIELDS}
    if "asked_at" in payload:
        moment = payload["asked_at"]
        fields["asked_at"] = moment and datetime.fromisoformat(moment)
    saved = replace(execution, **fields)
    if "carried_out" in payload:
        saved = with_carried_out(saved, payload["carried_out"])
    if "kernel_released" in payload:
        saved = replace(saved, parked_at=None, parked_until=None)
    wait = payload.get("answer_wait")
    return saved if wait is None else with_wait(saved, PersonWait.from_json(wait))


def _output_set(execution: Execution, event: Event) -> Execution:
    payload, output = event.payload, execution.output
    if "patch" not in payload:
        return replace(execution, output=payload["output"])
    return replace(execution, output=merged_output(output, payload["patch"]))


def merged_output(output: Json, patch: Json) -> Json:
    """The output with the names of a patch. What is no object is replaced as a whole."""
    if isinstance(output, dict) and isinstance(patch, dict):
        return {**output, **patch}
    return patch


def _cells_counted(execution: Execution, event: Event) -> Execution:
    return replace(execution, cell_count=event.payload["cell_count"])


def _ended(execution: Execution, event: Event) -> Execution:
    payload = event.payload
    has_succeeded = payload["status"] == S.ENDED_SUCCESS
    is_outdated = has_succeeded and execution.failure is not None
    message = None if is_outdated else _message_after_wait(execution)
    # The last cell may be the one that was skipped.
    ended = carried_out(execution) if has_succeeded else execution
    until = payload.get("parked_until")
    ended = replace(
        ended,
        status_message=payload.get("status_message") or message,
        error=_error_in(event),
        notebook_path=payload.get("notebook_path", execution.notebook_path),
        ended_at=event.happened_at,
        parked_at=event.happened_at if until else None,
        parked_until=until and datetime.fromisoformat(until).astimezone(UTC),
    )
    # It may have ended before an answer that was on its way arrived.
    waited = min(ended.answer_seconds, ended.duration or 0.0)
    return replace(ended, answer_seconds=max(0.0, waited))


#: What an event of this kind changes besides the status. The others change nothing else.
DETAILS: Mapping[EventKind, Callable[[Execution, Event], Execution]] = {
    K.ADOPTED: _adopted,
    K.QUEUED: _done_as_requested,
    K.STARTED: _started,
    K.WAITING: _waiting,
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
    K.CELL_STARTED: _continued,
    K.MESSAGE_ANSWERED: after_answer,
    K.MESSAGE_CLOSED: after_answer,
}


def _error_in(event: Event) -> CellError | None:
    error = event.payload.get("error")
    return CellError.from_json(error) if error else None


def _cancel_only(execution: Execution) -> RequestedAction | None:
    """What stays requested of an execution that failed: a cancel, and nothing else."""
    return A.CANCEL if execution.requested_action is A.CANCEL else None


def _message_after_wait(execution: Execution) -> str | None:
    """The message that it keeps: not the one that says what it waited for."""
    is_cancelled = execution.requested_action is A.CANCEL
    is_only_waiting = execution.status is S.WAITING and not is_cancelled
    return None if is_only_waiting else execution.status_message


def fold_cell(cell_run: CellRun | None, event: Event) -> CellRun | None:
    """The cell run after the event; None if the event is about a run that never started."""
    if event.kind is K.CELL_STARTED:
        return _new_cell_run(event)
    if cell_run is None or cell_run.ended_at is not None:
        return cell_run
    payload = event.payload
    return replace(
        cell_run,
        status=CellStatus(payload["status"]),
        ended_at=event.happened_at,
        error_name=payload.get("error_name"),
        error_message=payload.get("error_message"),
        traceback=payload.get("traceback"),
        last_seq=event.seq,
    )


def _new_cell_run(event: Event) -> CellRun:
    payload = event.payload
    return CellRun(
        cell_run_id=payload["cell_run_id"],
        execution_id=event.execution_id,
        root_id=event.root_id,
        cell_id=payload["cell_id"],
        cell_index=payload["cell_index"],
        cell_number=payload.get("cell_number"),
        first_line=payload.get("first_line"),
        source_hash=payload["source_hash"],
        status=CellStatus.RUNNING,
        started_at=event.happened_at,
        last_seq=event.seq,
    )


def close_cell(cell_run: CellRun, event: Event) -> CellRun:
    """A cell run whose execution ended, or was lost, before its own end was reported."""
    return replace(
        cell_run, status=CellStatus.LOST, ended_at=event.happened_at, last_seq=event.seq
    )
