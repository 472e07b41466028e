"""What follows for an execution whose worker is gone. Pure, but for ids and the time."""

from collections.abc import Callable, Iterable
from datetime import datetime

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, OnLost, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import is_external
from flowkernel.store import Batch

S = ExecutionStatus
K = EventKind
#: What a worker has.
HELD = (S.RUNNING, S.WAITING, S.PAUSED)


def find_orphans(
    live: Iterable[Execution],
    is_expected: Callable[[str], bool],
    now: datetime,
    lease: float,
) -> list[Execution]:
    """The executions that are on disk as run by a worker that is gone.

    Args:
        live: The executions that have not ended.
        is_expected: Whether a worker is there, or may still send its first request.
        lease: Seconds, exclusive, that a new worker may take until its first request.
    """
    return [
        execution
        for execution in live
        if execution.worker is not None
        and not is_expected(execution.worker)
        and execution.status in HELD
        and not _is_fresh(execution, now, lease)
    ]


def _is_fresh(execution: Execution, now: datetime, lease: float) -> bool:
    """Whether it started so lately that its worker need not have sent a request yet."""
    if execution.started_at is None:
        return False
    return 0 <= (now - execution.started_at).total_seconds() < lease


def loss_events(execution: Execution, config: Config) -> list[Event]:
    """The events for an execution whose worker is lost: it is queued again, or ends."""
    execution_id = execution.execution_id
    if execution.requested_action is RequestedAction.CANCEL:
        status, sentence = S.ENDED_CANCELLED, "Cancelled; its worker was gone."
        return [_ended(execution_id, status, sentence)]
    if execution.failure is not None and execution.status is S.PAUSED:
        sentence = "Its worker was lost, and its kernel with it."
        return [make_event(execution_id, K.KERNEL_LOST, why=sentence)]
    reason = _why_it_ends(execution, config)
    if reason is not None:
        return [_ended(execution_id, S.ENDED_ERROR, reason)]
    times = execution.losses + 1
    sentence = f"Its worker was lost; it starts again ({times} of {config.max_losses})."
    events = [make_event(execution_id, K.LOST, worker=execution.worker, why=sentence)]
    is_resumed = execution.requested_action is RequestedAction.RESUME
    if execution.status is S.PAUSED and not is_resumed:  # It stays paused.
        events.append(make_event(execution_id, K.PAUSED))
    return events


def record_losses(orphans: Iterable[Execution], config: Config, batch: Batch) -> None:
    """Record what follows for those that their worker still has. A verb of the writer."""
    for orphan in orphans:
        execution = batch.find_execution(orphan.execution_id)
        if execution is not None and _is_still_its(orphan.worker, execution):
            batch.append(loss_events(execution, config), strict=False)


def _is_still_its(worker: str | None, execution: Execution) -> bool:
    return execution.worker == worker and execution.status in HELD


def _ended(execution_id: str, status: ExecutionStatus, sentence: str) -> Event:
    return make_event(execution_id, K.ENDED, status=status, status_message=sentence)


def _why_it_ends(execution: Execution, config: Config) -> str | None:
    """A sentence; None: it is queued again."""
    if is_external(execution.worker):
        return "The papermill process that ran it is gone."
    if execution.on_lost is OnLost.FAIL:
        return "Its worker was lost, and the flow says on_lost=fail."
    if execution.losses >= config.max_losses:
        times = execution.losses + 1
        return f"Its worker was lost {times} times; it is not run again."
    return None
