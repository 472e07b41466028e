"""What follows for the children of an execution that is cancelled or ends.

Pure, but for ids and the time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.execution_verbs import cancel_event, is_under
from flowkernel.store import Ancestor, Batch

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


def left_behind(
    live: Mapping[str, Execution], lines: Mapping[str, Sequence[Ancestor]]
) -> Iterator[tuple[str, str, str]]:
    """What an engine that was killed had still to cancel: parent, child, and the sentence.

    Args:
        lines: Of those whose parent has ended: what is above them, up to the next one that
            has not.
    """
    for child_id, line in lines.items():
        ended = [above.execution_id for above in line if above.status.is_ended]
        cancelled = [a.execution_id for a in line if a.status is S.ENDED_CANCELLED]
        if cancelled:
            yield cancelled[0], child_id, WITH_PARENT
        elif ended and live[child_id].status is S.PENDING:
            yield ended[0], child_id, NEVER_STARTED


def next_above(lines: Mapping[str, Sequence[Ancestor]]) -> dict[str, str]:
    """Of each line the one that has not ended, if there is one: it is the last."""
    return {
        child_id: line[-1].execution_id
        for child_id, line in lines.items()
        if line and not line[-1].status.is_ended
    }


def cancel_children(
    batch: Batch, parent_id: str, child_ids: Sequence[str], sentence: str
) -> None:
    """Cancel what has not ended of these, and is still under the parent. A verb of the writer.

    A retry of the parent may have adopted some of them meanwhile.
    """
    children = filter(None, map(batch.find_execution, child_ids))
    events = [
        cancel_event(child, "engine", sentence)
        for child in children
        if not child.status.is_ended
        and child.requested_action is not A.CANCEL
        and is_under(child, parent_id, batch.find_execution)
    ]
    batch.append(events, strict=False)
