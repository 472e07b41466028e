"""What an event means for other executions, or for its own: events that follow at once.

A decision, changed inputs and a wait for a person are said of those above, too. Pure; the
writing thread records what comes of it together with the event.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import PersonWait, inherited, with_wait
from flowkernel.core.models import Event, EventKind, Execution, Json, Message
from flowkernel.core.status import MessageStatus

K = EventKind
#: After these events the columns of an execution may mean something for its parent.
INHERITED_KINDS = frozenset({K.CREATED, K.ADOPTED, K.DECIDED, K.LOST, K.SAVED})
#: These end the time in which a message can be answered.
ANSWER_KINDS = frozenset({K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED})

#: The others end no wait, and mean nothing for a parent.
CONSEQUENT_KINDS = (
    INHERITED_KINDS | ANSWER_KINDS | {K.QUEUED, K.RESUMED, K.PAUSED, K.FAILED, K.ENDED}
)

Find = Callable[[str], Execution | None]


def consequences(
    event: Event,
    previous: Execution | None,
    execution: Execution,
    message: Message | None,
    find: Find,
) -> Iterator[Event]:
    """The events that follow: of the execution, of its parent, of what a prompt asked about.

    Args:
        previous: The execution before the event.
        execution: The execution after it.
        message: The message that the event is about, as it was before.
        find: Another execution, as it is now.
    """
    if previous is not None and previous.asked_at and not execution.asked_at:
        wait = PersonWait(previous.asked_at, event.happened_at)
        yield from _waited(event, execution, wait)
    if event.kind in INHERITED_KINDS:
        yield from _said_of_parent(event, previous, execution, find)
    elif event.kind in ANSWER_KINDS and message is not None:
        yield from _asked_about(event, message, find)


def _said_of_parent(
    event: Event, previous: Execution | None, execution: Execution, find: Find
) -> Iterator[Event]:
    parent = find(execution.current_parent_id) if execution.current_parent_id else None
    if parent is None or parent.status.is_ended:
        return
    values = inherited(parent, execution)
    if values:
        yield _saved(event, parent, values)
    wait = event.payload.get("answer_wait") if event.kind is K.SAVED else None
    has_grown = previous and previous.answer_seconds != execution.answer_seconds
    if wait is not None and has_grown and parent.asked_at is None:
        yield from _waited(event, parent, PersonWait.from_json(wait))


def _asked_about(event: Event, message: Message, find: Find) -> Iterator[Event]:
    """What failed waits from the moment in which its prompt was sent."""
    failed = find(message.about_id) if message.about_id else None
    if failed is not None and message.status is MessageStatus.OPEN and failed.is_failed:
        wait = PersonWait(message.created_at, event.happened_at)
        yield from _waited(event, failed, wait)


def _waited(event: Event, execution: Execution, wait: PersonWait) -> Iterator[Event]:
    """The event that says it, if it is news."""
    if with_wait(execution, wait) is not execution:
        yield _saved(event, execution, {"answer_wait": wait.to_json()})


def _saved(event: Event, execution: Execution, values: dict[str, Json]) -> Event:
    saved = make_event(execution.execution_id, K.SAVED, **values)
    return replace(saved, happened_at=event.happened_at)
