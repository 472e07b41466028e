"""The reports of workers: recorded only from the worker that has the execution."""

from dataclasses import replace

from flowkernel.core.models import Event, EventKind, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.service import Service

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
    accepted = [
        _as_cancelled(service, event)
        for event in events
        if event.kind in REPORTED_KINDS and _has_execution(service, worker_id, event)
    ]
    recorded = service.store.append(accepted, strict=False)
    recorded_ids = {event.event_id for event in recorded}
    return [event.event_id for event in events if event.event_id not in recorded_ids]


def _has_execution(service: Service, worker_id: str, event: Event) -> bool:
    execution = service.store.live.get(event.execution_id)
    return execution is not None and execution.worker == worker_id


def _as_cancelled(service: Service, event: Event) -> Event:
    """The event; an error of what is being cancelled ends it as cancelled.

    The cancel is on disk before the worker knows of it: what the execution requests
    meanwhile is refused, and its cell raises that. Its cell run has the error.
    """
    if event.kind is not K.ENDED or event.payload["status"] != S.ENDED_ERROR:
        return event
    execution = service.store.live.get(event.execution_id)
    action = execution.requested_action if execution is not None else None
    if action is not RequestedAction.CANCEL:
        return event
    payload = {k: v for k, v in event.payload.items() if k == "notebook_path"}
    return replace(event, payload={**payload, "status": S.ENDED_CANCELLED})
