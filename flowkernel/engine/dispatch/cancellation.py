"""What follows for the children of an execution that is cancelled or ends.

Pure, but for ids and the time.
"""

from collections.abc import Iterable, Mapping, Sequence

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.execution_verbs import cancel_event
from flowkernel.store import Batch

S = ExecutionStatus
K = EventKind
A = RequestedAction
WITH_PARENT = "Cancelled with its parent."
NEVER_STARTED = "Its parent ended before it was started."


def cancels(event: Event) -> bool:
    """Whether the event cancels an execution, or requests its cancel."""
    if event.kind is K.REQUESTED:
        return bool(event.payload.get("what") == A.CANCEL)
    is_end = event.kind is K.ENDED
    return is_end and S(event.payload["status"]) is S.ENDED_CANCELLED


def to_cancel(event: Event, children: Iterable[Execution]) -> list[Execution]:
    """The children that are cancelled because of an event of their parent.

    When a parent ends, those that were only recorded: nobody can start them any more.

    Args:
        children: Those that have not ended.
    """
    if cancels(event):
        return [child for child in children if child.requested_action is not A.CANCEL]
    if event.kind is K.ENDED:
        return [child for child in children if child.status is S.PENDING]
    return []


def never_started(live: Mapping[str, Execution]) -> list[str]:
    """Those that were only recorded, and whose parent has ended: an engine was killed then."""
    return [
        execution.execution_id
        for execution in live.values()
        if execution.status is S.PENDING
        and execution.parent_id is not None
        and execution.parent_id not in live
    ]


def cancel_children(batch: Batch, child_ids: Sequence[str], sentence: str) -> None:
    """Cancel those of these children that have not ended. A verb of the writer."""
    children = filter(None, map(batch.find_execution, child_ids))
    events = [
        cancel_event(child, "engine", sentence)
        for child in children
        if not child.status.is_ended and child.requested_action is not A.CANCEL
    ]
    batch.append(events, strict=False)
