"""What people request of an execution: cancel, pause, resume, release its kernel; its output.

Each is decided on the writing thread, by the execution as it is at that moment. Pure, but for
ids and the time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flowkernel.core.errors import MoveNotAllowed, NotParked, Undecided
from flowkernel.core.event_factory import make_event
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Event, EventKind, Execution, Json, RequestedAction
from flowkernel.core.projection import merged_output
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import Batch

S = ExecutionStatus
K = EventKind
A = RequestedAction
Find = Callable[[str], Execution | None]


def cancel_family(batch: Batch, execution_id: str, actor: str) -> Execution:
    """Cancel it and everything under it that has not ended.

    Raises:
        ExecutionNotFound: There is none.
        MoveNotAllowed: It has ended otherwise.
    """
    top = batch.get(execution_id)
    if top.status is S.ENDED_CANCELLED:
        return top
    if top.status.is_ended:
        raise MoveNotAllowed(execution_id, top.status, S.ENDED_CANCELLED)
    events = []
    family = batch.live_family(top.root_id)
    for execution in live_subtree(top, family, batch.find_execution):
        is_top = execution.execution_id == execution_id
        cause = f"by {actor}" if is_top else f"with {top.name!r}"
        events.append(cancel_event(execution, actor, f"Cancelled {cause}."))
    batch.append_checked(events)
    return batch.get(execution_id)


def cancel_event(execution: Execution, actor: str, sentence: str) -> Event:
    """End it if no kernel runs it; else request that its worker cancels it."""
    id_ = execution.execution_id
    if execution.worker is None or execution.status in (S.PENDING, S.QUEUED):
        status = S.ENDED_CANCELLED
        return make_event(id_, K.ENDED, actor, status=status, status_message=sentence)
    return make_event(id_, K.REQUESTED, actor, what=A.CANCEL, why=sentence)


def run_recorded(batch: Batch, event: Event) -> Execution:
    """Start one that was only recorded, by this event; the same one again does nothing.

    Raises:
        ExecutionNotFound: There is none.
        MoveNotAllowed: It was started already, or has ended.
    """
    execution = batch.get(event.execution_id)
    if batch.has_event(event.event_id):
        return execution
    if execution.status is not S.PENDING:
        raise MoveNotAllowed(execution.execution_id, execution.status, S.QUEUED)
    return batch.change(execution.execution_id, lambda _execution: [event])


def pause_events(execution: Execution, actor: str) -> list[Event]:
    """What pauses it: at once if it is queued, else after the cell that runs now.

    Raises:
        MoveNotAllowed: It is not under way, or is being cancelled.
    """
    _check_not_cancelled(execution, S.PAUSED)
    if execution.status is S.QUEUED:
        return [make_event(execution.execution_id, K.PAUSED, actor)]
    if execution.status not in (S.RUNNING, S.WAITING):
        raise MoveNotAllowed(execution.execution_id, execution.status, S.PAUSED)
    return [make_event(execution.execution_id, K.REQUESTED, actor, what=A.PAUSE)]


def resume_events(execution: Execution, actor: str) -> list[Event]:
    """What continues a paused one, or withdraws the request to pause it.

    Raises:
        MoveNotAllowed: It is not paused, or is being cancelled.
        Undecided: It failed, and a decision is needed.
    """
    execution_id = execution.execution_id
    _check_not_cancelled(execution, "resumed")
    if execution.requested_action is A.PAUSE:
        return [make_event(execution_id, K.REQUESTED, actor, what=None)]
    if execution.status is not S.PAUSED:
        raise MoveNotAllowed(execution_id, execution.status, "resumed")
    if execution.is_failed:
        raise Undecided(execution.name)
    if execution.worker is None:
        return [make_event(execution_id, K.QUEUED, actor)]
    return [make_event(execution_id, K.REQUESTED, actor, what=A.RESUME)]


def release_events(execution: Execution, actor: str) -> list[Event]:
    """What ends the kernel that it keeps after its end; nothing, if that is gone already.

    Raises:
        NotParked: It has not ended, or keeps no kernel.
    """
    if execution.is_kept:
        return [released_event(execution, f"Released by {actor}.", actor)]
    if execution.status.is_ended and execution.keeps_kernel:
        return []
    reason = "it keeps none after its end"
    if not execution.status.is_ended:
        reason = "it has not ended, and a kernel is released after the end only"
    raise NotParked(execution.execution_id, reason)


def release_kept(
    batch: Batch, execution_id: str, kept_ids: Iterable[str], actor: str
) -> Execution:
    """End the kernel that it keeps; of a wrapper, those of the runs that it wraps.

    Args:
        kept_ids: Of what may be one of those: all that keep their kernels.

    Raises:
        ExecutionNotFound: There is none.
        NotParked: It has not ended, or keeps no kernel.
    """
    top = batch.get(execution_id)
    events = release_events(top, actor)
    if top.wrapped is not None:
        keepers = [batch.find_execution(kept_id) for kept_id in kept_ids]
        events = [
            event
            for execution in keepers
            if execution is not None and _is_wrapped_by(execution, top, batch)
            for event in release_events(execution, actor)
        ]
    batch.append_checked(events)
    return batch.get(execution_id)


def _is_wrapped_by(execution: Execution, top: Execution, batch: Batch) -> bool:
    """Whether a wrapper runs it, or a wrapper that this one runs."""
    parent_id = execution.current_parent_id
    while parent_id is not None and parent_id != top.execution_id:
        parent = batch.find_execution(parent_id)
        is_wrapper = parent is not None and parent.wrapped is not None
        parent_id = parent.current_parent_id if parent and is_wrapper else None
    return parent_id is not None


def released_event(execution: Execution, why: str, actor: str = "") -> Event:
    """The event that says that its kernel is no longer kept, and why."""
    return make_event(execution.execution_id, K.SAVED, actor, kernel_released=why)


def _check_not_cancelled(execution: Execution, change: str) -> None:
    """Refuse a change of one that is being cancelled: a cancel is never withdrawn."""
    if execution.requested_action is A.CANCEL:
        raise MoveNotAllowed(execution.execution_id, "being cancelled", change)


def live_subtree(
    top: Execution, family: Iterable[Execution], find: Find
) -> list[Execution]:
    """`top` and what is under it of its live family, parents before children.

    Also what is under something that has ended: it may outlive its parent.

    Args:
        find: Finds an execution, ended or not; None: it was deleted.
    """
    below = [e for e in family if is_under(e, top.execution_id, find)]
    return [top, *sorted(below, key=lambda e: (e.depth, e.created_at))]


def is_under(execution: Execution, top_id: str, find: Find) -> bool:
    """Whether it is a child of `top_id` now, or a child of what is under that."""
    parent_id = execution.current_parent_id
    while parent_id is not None and parent_id != top_id:
        parent = find(parent_id)
        parent_id = parent.current_parent_id if parent is not None else None
    return parent_id is not None


@dataclass(frozen=True, slots=True)
class OutputPatch:
    """What a flow sets as its output: names to add, or all of it."""

    value: Json
    merge: bool

    @classmethod
    def of(cls, value: object, *, merge: bool) -> "OutputPatch":
        """A patch whose value is plain JSON.

        Raises:
            BadValue, ValueTooBig: It is not, or is too large by itself.
        """
        return cls(plain_json(value, "output"), merge)

    def events(self, execution: Execution) -> list[Event]:
        """The event that sets it.

        Raises:
            ValueTooBig: The whole output would be too large.
        """
        name = "patch" if self.merge else "output"
        event = make_event(execution.execution_id, K.OUTPUT_SET, **{name: self.value})
        if self.merge:
            plain_json(merged_output(execution.output, self.value), "output")
        return [event]
