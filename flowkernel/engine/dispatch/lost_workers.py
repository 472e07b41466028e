"""What follows for an execution whose worker is gone. Pure, but for ids and the time."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, OnLost, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import is_external
from flowkernel.engine.dispatch.worker_lease import FailedStart
from flowkernel.store import Batch

S = ExecutionStatus
K = EventKind
#: What a worker has.
HELD = (S.RUNNING, S.WAITING, S.PAUSED)
NOTHING: Mapping[str, FailedStart] = {}


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


def find_failed_starts(
    live: Mapping[str, Execution],
    worker_id: str,
    failed_starts: Mapping[str, FailedStart],
) -> list[Execution]:
    """What a worker was given and could not start, as far as it is still its own."""
    executions = [(live.get(id_), start) for id_, start in failed_starts.items()]
    return [
        execution
        for execution, start in executions
        if execution is not None
        and execution.worker == worker_id
        and execution.attempt == start.attempt
    ]


def loss_events(
    execution: Execution, config: Config, failed_start: FailedStart | None = None
) -> list[Event]:
    """The events for an execution whose worker is lost: it is queued again, or ends.

    Args:
        failed_start: Why its worker could not start it; None: the worker is lost.
    """
    execution_id = execution.execution_id
    if execution.requested_action is RequestedAction.CANCEL:
        status, sentence = S.ENDED_CANCELLED, "Cancelled; its worker was gone."
        return [_ended(execution_id, status, sentence)]
    if execution.failure is not None and execution.status is S.PAUSED:
        sentence = "Its worker was lost, and its kernel with it."
        return [make_event(execution_id, K.KERNEL_LOST, why=sentence)]
    cause = "Its worker was lost"
    if failed_start is not None:
        cause = f"Its worker could not start it ({failed_start.why})"
    reason = _why_it_ends(execution, config, cause, has_run=failed_start is None)
    if reason is not None:
        return [_ended(execution_id, S.ENDED_ERROR, reason)]
    times = execution.losses + 1
    sentence = f"{cause}; it starts again ({times} of {config.max_losses})."
    events = [make_event(execution_id, K.LOST, worker=execution.worker, why=sentence)]
    is_resumed = execution.requested_action is RequestedAction.RESUME
    if execution.status is S.PAUSED and not is_resumed:  # It stays paused.
        events.append(make_event(execution_id, K.PAUSED))
    return events


def record_losses(
    orphans: Iterable[Execution],
    config: Config,
    batch: Batch,
    *,
    failed_starts: Mapping[str, FailedStart] = NOTHING,
) -> None:
    """Record what follows for those that their worker still has. A verb of the writer.

    Args:
        failed_starts: By the ids of those that their worker could not start.
    """
    for orphan in orphans:
        execution = batch.find_execution(orphan.execution_id)
        if execution is not None and _is_still_its(orphan, execution):
            failed_start = failed_starts.get(orphan.execution_id)
            events = loss_events(execution, config, failed_start)
            batch.append(events, strict=False)


def _is_still_its(orphan: Execution, execution: Execution) -> bool:
    is_same = (execution.worker, execution.attempt) == (orphan.worker, orphan.attempt)
    return is_same and execution.status in HELD


def _ended(execution_id: str, status: ExecutionStatus, sentence: str) -> Event:
    return make_event(execution_id, K.ENDED, status=status, status_message=sentence)


def _why_it_ends(
    execution: Execution, config: Config, cause: str, *, has_run: bool
) -> str | None:
    """A sentence; None: it is queued again. `cause`: of this loss."""
    if is_external(execution.worker):
        return "The papermill process that ran it is gone."
    if execution.on_lost is OnLost.FAIL and has_run:
        return "Its worker was lost, and the flow says on_lost=fail."
    if execution.losses >= config.max_losses:
        times = execution.losses + 1
        if has_run:
            return f"Its worker was lost {times} times; it is not run again."
        return f"{cause}, at try {times}; it is not run again."
    return None
