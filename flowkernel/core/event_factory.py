"""Events, made at the moment in which something happens."""

from typing import Any

from flowkernel.core.clock import new_id, now
from flowkernel.core.models import Event, EventKind


def make_event(
    execution_id: str, kind: EventKind, actor: str = "", /, **payload: Any
) -> Event:
    """An event that happens now. `actor`: empty for the engine."""
    return Event(
        event_id=new_id(),
        execution_id=execution_id,
        kind=kind,
        happened_at=now(),
        actor=actor,
        payload=payload,
    )
