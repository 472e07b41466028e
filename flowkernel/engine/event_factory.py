"""Events, made at the moment in which something happens."""

from typing import Any

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus

S = ExecutionStatus
K = EventKind


def make_event(
    execution_id: str, kind: EventKind, actor: str = "", /, **payload: Any
) -> Event:
    """An event that happens now. `actor`: empty for the engine."""
    return Event(
        event_id=new_id(),
        execution_id=execution_id,
        kind=kind,
        happened_at=now(),
        actor=actor,
        payload=payload,
    )


def cancel_event(execution: Execution, actor: str, sentence: str) -> Event:
    """End it if no kernel runs it; else request that its worker cancels it."""
    id_ = execution.execution_id
    if execution.worker is None or execution.status in (S.PENDING, S.QUEUED):
        status = S.ENDED_CANCELLED
        return make_event(id_, K.ENDED, actor, status=status, status_message=sentence)
    action = RequestedAction.CANCEL
    return make_event(id_, K.REQUESTED, actor, what=action, why=sentence)
