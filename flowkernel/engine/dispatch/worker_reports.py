"""The reports of workers: recorded only from the worker that has the execution."""

from dataclasses import replace
from functools import partial

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
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


def accept(service: Service, worker_id: str, events: list[Event]) -> list[str]:
    """Record what a worker reports; the ids of the events that were refused.

    An event is refused for good when the execution has ended or was given to another
    worker: the worker drops it then.
    """
    reported = [checked_event(e) for e in events if e.kind in REPORTED_KINDS]
    recorded = service.store.decide(partial(_record, worker_id, reported))
    recorded_ids = {event.event_id for event in recorded}
    return [event.event_id for event in events if event.event_id not in recorded_ids]


def _record(worker_id: str, events: list[Event], batch: Batch) -> list[Event]:
    """Record those about executions that this worker has; return what was recorded."""
    owned = [(event, batch.find_execution(event.execution_id)) for event in events]
    accepted = [
        _as_cancelled(execution, event)
        for event, execution in owned
        if execution is not None and _has(worker_id, execution)
    ]
    return batch.append(accepted, strict=False)


def _has(worker_id: str, execution: Execution) -> bool:
    return execution.worker == worker_id and not execution.status.is_ended


def _as_cancelled(execution: Execution, event: Event) -> Event:
    """The event; an error of what is being cancelled ends it as cancelled.

    The cancel is on disk before the worker knows of it: what the execution requests
    meanwhile is refused, and its cell raises that. Its cell run has the error.
    """
    if event.kind is not K.ENDED or event.payload["status"] != S.ENDED_ERROR:
        return event
    if execution.requested_action is not RequestedAction.CANCEL:
        return event
    payload = {k: v for k, v in event.payload.items() if k == "notebook_path"}
    return replace(event, payload={**payload, "status": S.ENDED_CANCELLED})
