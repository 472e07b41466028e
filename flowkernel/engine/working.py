"""What workers report: taken in only from the worker that has the execution."""

from flowkernel.engine.service import Service
from flowkernel.errors import BadArgument
from flowkernel.models import Event, EventKind, Json

#: What a worker may say of an execution. The rest is the engine's to decide.
WORKERS_SAY = frozenset(
    {
        EventKind.CELLS_COUNTED,
        EventKind.CELL_STARTED,
        EventKind.CELL_ENDED,
        EventKind.LOGGED,
        EventKind.PAUSED,
        EventKind.ENDED,
    }
)


def accept(
    service: Service, worker_id: str, records: list[dict[str, Json]]
) -> list[str]:
    """Record what a worker reports; the ids of the events that were not taken.

    An event is refused for good when the execution has ended or was given to another
    worker: the worker drops it then.
    """
    events = [_parsed(record) for record in records]
    wanted = [
        e for e in events if e.kind in WORKERS_SAY and _has(service, worker_id, e)
    ]
    done = service.store.append(wanted, strict=False)
    kept = {event.event_id for event in done}
    return [event.event_id for event in events if event.event_id not in kept]


def _parsed(record: dict[str, Json]) -> Event:
    try:
        return Event.from_json(record)
    except (TypeError, ValueError, KeyError) as error:
        raise BadArgument(f"This is not an event: {error}.") from error


def _has(service: Service, worker_id: str, event: Event) -> bool:
    execution = service.store.live.get(event.execution_id)
    return execution is not None and execution.worker == worker_id
