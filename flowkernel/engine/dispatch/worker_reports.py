"""The reports of workers: recorded only from the worker that has the execution."""

from dataclasses import replace
from functools import partial

from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.service import Service
from flowkernel.store import Batch, checked_event

S = ExecutionStatus
K = EventKind
#: What a worker may report of an execution. The engine decides the rest. The payload of each
#: is in `engine/api/event_schemas.py`.
REPORTED_KINDS = frozenset(
    {
        K.CELLS_COUNTED,
        K.CELL_STARTED,
        K.CELL_ENDED,
        K.LOGGED,
        K.PAUSED,
        K.FAILED,
        K.KERNEL_LOST,
        K.ENDED,
    }
)


def accept(service: Service, worker_id: str, reports: list[WorkerReport]) -> list[str]:
    """Record what a worker reports; the ids of the events that were refused.

    An event is refused for good when the execution has ended, was given to another worker,
    or is at another attempt: the worker drops it then.
    """
    checked = [
        replace(report, event=checked_event(report.event))
        for report in reports
        if report.event.kind in REPORTED_KINDS
    ]
    recorded = service.store.decide(partial(_record, worker_id, checked))
    recorded_ids = {event.event_id for event in recorded}
    event_ids = [report.event.event_id for report in reports]
    return [event_id for event_id in event_ids if event_id not in recorded_ids]


def _record(worker_id: str, reports: list[WorkerReport], batch: Batch) -> list[Event]:
    """Record those about executions that this worker has; return what was recorded."""
    owned = [(r, batch.find_execution(r.event.execution_id)) for r in reports]
    accepted = [
        _as_waited_for(batch, execution, _as_recorded(execution, report.event))
        for report, execution in owned
        if execution is not None
        and _has(worker_id, execution, report.event)
        and _is_current(report, execution)
    ]
    return batch.append(accepted, strict=False)


def _has(worker_id: str, execution: Execution, event: Event) -> bool:
    """Whether it has it: after the end, its kernel alone, and that only while it is kept."""
    is_over = execution.status.is_ended
    if is_over and not (execution.is_kept and event.kind is K.KERNEL_LOST):
        return False
    return execution.worker == worker_id


def _is_current(report: WorkerReport, execution: Execution) -> bool:
    """Whether it is of the attempt that is under way.

    A worker that does not say has the first one, or reports what happened since the start
    of the last one.
    """
    if report.attempt is not None:
        return report.attempt == execution.attempt
    started_at = execution.started_at
    return execution.attempt == 1 or (
        started_at is not None and report.event.happened_at >= started_at
    )


def _as_recorded(execution: Execution, event: Event) -> Event:
    """The event as it is recorded, by what the execution is now."""
    if execution.is_kept:
        why = event.payload["why"]
        return replace(event, kind=K.SAVED, payload={"kernel_released": why})
    return _as_cancelled(execution, event)


def _as_cancelled(execution: Execution, event: Event) -> Event:
    """The event; any end of what is being cancelled ends it as cancelled.

    The cancel is on disk before the worker knows of it, and its caller was told so: it
    stays, also if the last cell succeeds just then. What the execution requests meanwhile
    is refused, and its cell raises that. Its cell run has the error.
    """
    is_cancelled = execution.requested_action is RequestedAction.CANCEL
    if event.kind is not K.ENDED or not is_cancelled:
        return event
    payload = {k: v for k, v in event.payload.items() if k == "notebook_path"}
    return replace(event, payload={**payload, "status": S.ENDED_CANCELLED})


def _as_waited_for(batch: Batch, execution: Execution, event: Event) -> Event:
    """The event; a wrapper that returned while what it wraps goes on ends with an error.

    A success that has a message was meant: `this.success("It takes too long.")`.
    """
    is_plain = event.kind is K.ENDED and event.payload["status"] == S.ENDED_SUCCESS
    if not is_plain or execution.wrapped is None or event.payload.get("status_message"):
        return event
    tries = batch.children_of_call(execution.execution_id, CALL_KEY)
    live = [child for child in tries if not child.status.is_ended]
    if not live:
        return event
    sentence = (
        f"It returned while {live[0].name!r} was {live[0].status.label}. A wrapper waits for "
        "what it runs, and ends with this.wrapped.end_as(child)."
    )
    ending = {"status": S.ENDED_ERROR, "status_message": sentence}
    return replace(event, payload={**event.payload, **ending})
