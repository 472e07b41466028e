"""The reports of workers: recorded only from the worker that has the execution."""

from dataclasses import replace

from pydantic import ValidationError

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, EventKind, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.schemas import WORKERS_SAY, EventRecord
from flowkernel.engine.service import Service

S = ExecutionStatus


def accept(service: Service, worker_id: str, records: list[EventRecord]) -> list[str]:
    """Record what a worker reports; the ids of the events that were refused.

    An event is refused for good when the execution has ended or was given to another
    worker: the worker drops it then.
    """
    events = [event_of(record) for record in records]
    accepted = [
        _as_cancelled(service, event)
        for event in events
        if event.kind in WORKERS_SAY and _has_execution(service, worker_id, event)
    ]
    recorded = service.store.append(accepted, strict=False)
    recorded_ids = {event.event_id for event in recorded}
    return [event.event_id for event in events if event.event_id not in recorded_ids]


def event_of(record: EventRecord) -> Event:
    """The event, with a payload that fits its kind.

    Raises:
        BadArgument: It does not fit; with the field that is wrong.
    """
    shape = WORKERS_SAY.get(record.kind)
    if shape is not None:
        try:
            shape.model_validate(record.payload)
        except ValidationError as error:
            [first, *_] = error.errors()
            path = ".".join(map(str, first["loc"]))
            raise BadArgument(
                f"The event {record.kind!r} cannot be used: payload.{path}: {first['msg']}."
            ) from error
    return Event(**dict(record))


def _has_execution(service: Service, worker_id: str, event: Event) -> bool:
    execution = service.store.live.get(event.execution_id)
    return execution is not None and execution.worker == worker_id


def _as_cancelled(service: Service, event: Event) -> Event:
    """The event; an error of what is being cancelled ends it as cancelled.

    The cancel is on disk before the worker hears of it: what the execution requests
    meanwhile is refused, and its cell raises that. Its cell run has the error.
    """
    if event.kind is not EventKind.ENDED or event.payload["status"] != S.ENDED_ERROR:
        return event
    execution = service.store.live.get(event.execution_id)
    action = execution.requested_action if execution is not None else None
    if action is not RequestedAction.CANCEL:
        return event
    payload = {k: v for k, v in event.payload.items() if k == "notebook_path"}
    return replace(event, payload={**payload, "status": S.ENDED_CANCELLED})
