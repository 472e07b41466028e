"""What follows for an execution whose worker is gone. Pure, but for ids and the time."""

from flowkernel.config import Config
from flowkernel.engine.board import is_external
from flowkernel.engine.service import make_event
from flowkernel.models import Event, EventKind, Execution, OnLost
from flowkernel.status import ExecutionStatus

S = ExecutionStatus
K = EventKind


def lost(execution: Execution, config: Config) -> list[Event]:
    """The events that say so: it is queued again, or ends."""
    execution_id = execution.execution_id
    if execution.asked == "cancel":
        status, why = S.ENDED_CANCELLED, "Cancelled; its worker was gone."
        return [make_event(execution_id, K.ENDED, status=status, status_message=why)]
    if execution.failure is not None and execution.status is S.PAUSED:
        why = "Its worker was lost, and its kernel with it."
        return [make_event(execution_id, K.KERNEL_LOST, why=why)]
    reason = _why_it_ends(execution, config)
    if reason is not None:
        status = S.ENDED_ERROR
        return [make_event(execution_id, K.ENDED, status=status, status_message=reason)]
    times = execution.losses + 1
    why = f"Its worker was lost; it starts again ({times} of {config.max_losses})."
    events = [make_event(execution_id, K.LOST, worker=execution.worker, why=why)]
    if execution.status is S.PAUSED:  # Somebody wants it so: it stays put aside.
        events.append(make_event(execution_id, K.PAUSED))
    return events


def _why_it_ends(execution: Execution, config: Config) -> str | None:
    """A sentence; None if it is queued again."""
    if is_external(execution.worker):
        return "The papermill process that ran it is gone."
    if execution.on_lost is OnLost.FAIL:
        return "Its worker was lost, and the flow says on_lost=fail."
    if execution.losses >= config.max_losses:
        times = execution.losses + 1
        return f"Its worker was lost {times} times; it is not run again."
    return None
