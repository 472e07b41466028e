"""What follows for the children of an execution that is cancelled or ends.

Pure, but for ids and the time.
"""

from collections.abc import Iterable

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.event_factory import cancel_event

S = ExecutionStatus
K = EventKind
A = RequestedAction
WITH_PARENT = "Cancelled with its parent."
NEVER_STARTED = "Its parent ended before it was started."


def cancel_late_child(child: Execution, parent: Execution) -> list[Event]:
    """Cancel a child that was started while its parent was being cancelled."""
    if parent.requested_action is A.CANCEL or parent.status is S.ENDED_CANCELLED:
        return [cancel_event(child, "engine", WITH_PARENT)]
    return []


def cancels(event: Event) -> bool:
    """Whether the event cancels an execution, or requests its cancel."""
    if event.kind is K.REQUESTED:
        return bool(event.payload.get("what") == A.CANCEL)
    is_end = event.kind is K.ENDED
    return is_end and S(event.payload["status"]) is S.ENDED_CANCELLED


def cancel_children(parent_id: str, live: Iterable[Execution]) -> list[Event]:
    """Cancel the children that came in while the cancel of their parent was recorded.

    `live`: the executions that have not ended.
    """
    return [
        cancel_event(child, "engine", WITH_PARENT)
        for child in live
        if child.parent_id == parent_id and child.requested_action is not A.CANCEL
    ]


def cancel_pending_children(parent_id: str, live: Iterable[Execution]) -> list[Event]:
    """Cancel the children that were only recorded: their parent can no longer start them.

    `live`: the executions that have not ended.
    """
    return [
        cancel_event(child, "engine", NEVER_STARTED)
        for child in live
        if child.parent_id == parent_id and child.status is S.PENDING
    ]
