"""What follows for the children of one that is cancelled or ends.

Pure, but for ids and the time.
"""

from collections.abc import Iterable

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.service import cancel_event

S = ExecutionStatus
K = EventKind
A = RequestedAction
WITH_PARENT = "Cancelled with its parent."
NEVER_STARTED = "Its parent ended before it was started."


def late(child: Execution, parent: Execution) -> list[Event]:
    """One that was asked for while its parent was being cancelled goes with it."""
    if parent.requested_action is A.CANCEL or parent.status is S.ENDED_CANCELLED:
        return [cancel_event(child, "engine", WITH_PARENT)]
    return []


def cancels(event: Event) -> bool:
    """Whether the event cancels an execution, or asks its worker to."""
    said = event.payload
    if event.kind is K.REQUESTED:
        return bool(said.get("what") == A.CANCEL)
    return event.kind is K.ENDED and S(said["status"]) is S.ENDED_CANCELLED


def cancelled_with(parent_id: str, live: Iterable[Execution]) -> list[Event]:
    """Those that came in while their parent's cancel was written down go with it.

    `live`: what has not ended.
    """
    return [
        cancel_event(child, "engine", WITH_PARENT)
        for child in live
        if child.parent_id == parent_id and child.requested_action is not A.CANCEL
    ]


def never_started(parent_id: str, live: Iterable[Execution]) -> list[Event]:
    """Those that were only recorded cannot be started once their parent has ended."""
    return [
        cancel_event(child, "engine", NEVER_STARTED)
        for child in live
        if child.parent_id == parent_id and child.status is S.PENDING
    ]
