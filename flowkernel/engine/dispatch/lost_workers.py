"""What follows for an execution whose worker is gone. Pure, but for ids and the time."""

from collections.abc import Container, Iterable
from datetime import datetime

from flowkernel.config import Config
from flowkernel.core.models import Event, EventKind, Execution, OnLost, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import is_external
from flowkernel.engine.service import make_event

S = ExecutionStatus
K = EventKind


def orphans(
    live: Iterable[Execution], workers: Container[str], at: datetime, lease: float
) -> list[Execution]:
    """What runs, as far as the disk knows, in a worker that is not there.

    Args:
        live: What has not ended.
        workers: The ids of those that are there.
        at: Now.
        lease: Seconds, exclusive, that a worker may take until it is heard of first.
    """
    return [
        execution
        for execution in live
        if execution.worker is not None
        and execution.worker not in workers
        and execution.status in (S.RUNNING, S.WAITING, S.PAUSED)
        and not _is_fresh(execution, at, lease)
    ]


def _is_fresh(execution: Execution, at: datetime, lease: float) -> bool:
    """Whether it began so lately that its worker need not have asked anything yet."""
    if execution.started_at is None:
        return False
    return 0 <= (at - execution.started_at).total_seconds() < lease


def lost(execution: Execution, config: Config) -> list[Event]:
    """The events that say so: it is queued again, or ends."""
    execution_id = execution.execution_id
    if execution.requested_action is RequestedAction.CANCEL:
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
