"""What an event means for other executions, or for its own: events that are recorded with it.

A decision, changed inputs and a wait for a person are said of those above, too. Pure; the
writing thread records what comes of it together with the event.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import (
    SAVED_INTERVENTIONS,
    carry_out_values,
    has_own_change,
    inherited,
    is_pending,
    people_in,
)
from flowkernel.core.models import Event, EventKind, Execution, Json, Message
from flowkernel.core.person_waits import PersonWait, is_waiting, with_wait
from flowkernel.core.projection import target_of
from flowkernel.core.status import ExecutionStatus, MessageStatus

S = ExecutionStatus
K = EventKind
#: After these events the columns of an execution may mean something for its parent.
INHERITED_KINDS = frozenset({K.CREATED, K.ADOPTED, K.DECIDED, K.LOST, K.SAVED})
#: These end the time in which a message can be answered.
ANSWER_KINDS = frozenset({K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED})
#: These may begin or end a wait for a person.
WAIT_KINDS = frozenset({K.QUEUED, K.WAITING, K.RESUMED, K.PAUSED, K.FAILED, K.ENDED})

#: The others mean nothing besides what they are.
CONSEQUENT_KINDS = (
    INHERITED_KINDS | ANSWER_KINDS | WAIT_KINDS | {K.MESSAGE_SENT, K.CELL_STARTED}
)

Find = Callable[[str], Execution | None]


def antecedents(event: Event, execution: Execution) -> Iterator[Event]:
    """The events that are recorded just before an end. Who follows sees nothing after it.

    Args:
        execution: As it is before the event.
    """
    target = target_of(event) if event.kind is K.ENDED else None
    if target is None or not execution.status.can_become(target):
        return
    if execution.waiting_since is not None:
        wait = PersonWait(execution.waiting_since, event.happened_at)
        yield from _waited(event, execution, wait)
    if target is S.ENDED_SUCCESS and is_pending(execution):
        yield _saved(event, execution, carry_out_values(execution))


def consequences(
    event: Event,
    previous: Execution | None,
    execution: Execution,
    messages: Iterable[Message],
    find: Find,
) -> Iterator[Event]:
    """The events that follow: of the execution, of its parent, of what a prompt asked about.

    Args:
        previous: The execution before the event.
        execution: The execution after it.
        messages: Those that the event sent, answered or closed, as they are after it.
        find: Another execution, as it is now.
    """
    if event.kind is K.CELL_STARTED:
        if previous is not None and is_pending(previous):
            yield _saved(event, execution, carry_out_values(previous))
        return
    for message in messages:
        yield from _asked_about(event, message, find)
    if previous is not None:
        yield from _wait_changes(event, previous, execution, find)
    if event.kind in INHERITED_KINDS and not _says_nothing(event):
        yield from _said_of_parent(event, execution, find)


def _says_nothing(event: Event) -> bool:
    """Whether it changes other fields: a new name of an earlier try is no news of its cells."""
    is_saved = event.kind is K.SAVED
    return is_saved and SAVED_INTERVENTIONS.isdisjoint(event.payload)


def _said_of_parent(event: Event, execution: Execution, find: Find) -> Iterator[Event]:
    parent = _parent(execution, find)
    if parent is None or parent.status.is_ended:
        return
    people = people_in(event, execution)
    is_earlier = bool(people) and _is_earlier(event, execution, parent, find)
    values = inherited(parent, execution, people, is_earlier=is_earlier)
    if values:
        yield _saved(event, parent, values)


def _is_earlier(
    event: Event, execution: Execution, parent: Execution, find: Find
) -> bool:
    """Whether what it says was decided before, under another run."""
    match event.kind:
        case K.CREATED:
            previous = find(execution.retry_of) if execution.retry_of else None
            return not has_own_change(execution, previous, parent)
        case K.ADOPTED:
            return True
        case _:
            return bool(event.payload.get("is_earlier"))


# -- waits for people --------------------------------------------------------------------


def _wait_changes(
    event: Event, previous: Execution, execution: Execution, find: Find
) -> Iterator[Event]:
    """The wait that is over, and that those above wait with it, or no longer."""
    start = previous.waiting_since
    has_ended = execution.status.is_ended  # Then it was recorded before.
    if start is not None and execution.waiting_since is None and not has_ended:
        yield from _waited(event, execution, PersonWait(start, event.happened_at))
    if event.kind is K.ADOPTED:
        if is_waiting(execution):
            yield from _moved(event, previous, execution, find)
        return
    change = int(is_waiting(execution)) - int(is_waiting(previous))
    if change:
        yield from _counted(event, _parent(execution, find), change)
    if event.kind is K.SAVED and "answer_wait" in event.payload:
        yield from _unknown_above(event, _parent(execution, find))


def _moved(
    event: Event, previous: Execution, execution: Execution, find: Find
) -> Iterator[Event]:
    """Another parent waits with it from now on."""
    if previous.current_parent_id != execution.current_parent_id:
        yield from _counted(event, _parent(previous, find), -1)
        yield from _counted(event, _parent(execution, find), 1)


def _counted(event: Event, parent: Execution | None, change: int) -> Iterator[Event]:
    """The event that says that one more, or one less, under it waits for a person."""
    if parent is None:
        return
    count = max(0, parent.waiting_children + change)
    if count != parent.waiting_children:
        yield _saved(event, parent, {"waiting_children": count})


def _unknown_above(event: Event, parent: Execution | None) -> Iterator[Event]:
    """A wait that began with an older version: the parent was not told that it did."""
    if parent is None or parent.status.is_ended or parent.waiting_since is not None:
        return
    wait = PersonWait.from_json(event.payload["answer_wait"])
    yield from _waited(event, parent, wait)


def _asked_about(event: Event, message: Message, find: Find) -> Iterator[Event]:
    """What failed waits for a person as long as its prompt is open."""
    failed = find(message.about_id) if message.about_id else None
    if failed is None or failed.status.is_ended:
        return
    if message.status is MessageStatus.OPEN and failed.is_failed:
        moment = event.happened_at.isoformat()
        values = {"asked_at": moment, "asked_message_id": message.message_id}
        yield _saved(event, failed, values)
    elif failed.asked_message_id == message.message_id and failed.asked_at:
        yield _saved(event, failed, {"asked_at": None})
    elif failed.is_failed and failed.asked_message_id is None:
        # An older version sent it, and did not say of the failed one that it is asked.
        wait = PersonWait(message.created_at, event.happened_at)
        yield from _waited(event, failed, wait)


def _waited(event: Event, execution: Execution, wait: PersonWait) -> Iterator[Event]:
    """The event that says it, if it is news."""
    if with_wait(execution, wait) is not execution:
        yield _saved(event, execution, {"answer_wait": wait.to_json()})


def _parent(execution: Execution, find: Find) -> Execution | None:
    return find(execution.current_parent_id) if execution.current_parent_id else None


def _saved(event: Event, execution: Execution, values: dict[str, Json]) -> Event:
    saved = make_event(execution.execution_id, K.SAVED, **values)
    return replace(saved, happened_at=event.happened_at)
