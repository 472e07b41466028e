"""What workers report: taken in only from the worker that has the execution."""

from dataclasses import replace

from pydantic import ValidationError

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Event, EventKind, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.schemas import WORKERS_SAY, EventRecord
from flowkernel.engine.service import Service

S = ExecutionStatus


def accept(service: Service, worker_id: str, records: list[EventRecord]) -> list[str]:
    """Record what a worker reports; the ids of the events that were not taken.

    An event is refused for good when the execution has ended or was given to another
    worker: the worker drops it then.
    """
    events = [event_of(record) for record in records]
    wanted = [
        _as_cancelled(service, e)
        for e in events
        if e.kind in WORKERS_SAY and _has(service, worker_id, e)
    ]
    done = service.store.append(wanted, strict=False)
    kept = {event.event_id for event in done}
    return [event.event_id for event in events if event.event_id not in kept]


def event_of(record: EventRecord) -> Event:
    """The event, with a payload that fits its kind."""
    shape = WORKERS_SAY.get(record.kind)
    if shape is not None:
        try:
            shape.model_validate(record.payload)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"]))
            raise BadArgument(
                f"The event {record.kind!r} cannot be used: payload.{where}: {wrong['msg']}."
            ) from error
    return Event(**dict(record))


def _has(service: Service, worker_id: str, event: Event) -> bool:
    execution = service.store.live.get(event.execution_id)
    return execution is not None and execution.worker == worker_id


def _as_cancelled(service: Service, event: Event) -> Event:
    """An error of what is being cancelled ends it as cancelled.

    The cancel is on disk before the worker hears of it: what the execution asks for
    meanwhile is refused, and its cell raises that. Its cell run has the error.
    """
    execution = service.store.live.get(event.execution_id)
    is_error = (
        event.kind is EventKind.ENDED and event.payload["status"] == S.ENDED_ERROR
    )
    if (
        not is_error
        or execution is None
        or execution.requested_action is not RequestedAction.CANCEL
    ):
        return event
    kept = {k: v for k, v in event.payload.items() if k == "notebook_path"}
    return replace(event, payload={**kept, "status": S.ENDED_CANCELLED})
