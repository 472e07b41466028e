"""When runs wait for people: since when just now, and how long in all. Pure.

An execution waits for a person while it is asked itself (a message has to be answered, a
failure to be decided, or it is paused) and while something under it is. So those above count
each moment once, however many are asked under them. A wait for an answer ends with the answer:
what comes until there is a slot again is no wait for a person.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flowkernel.core.json_record import Json, JsonRecord
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.core.status import ExecutionStatus

K = EventKind
#: Waits of one execution that are kept as spans, inclusive: the latest. Their sum has all.
MAX_WAITS = 100


@dataclass(frozen=True, slots=True, order=True)
class PersonWait(JsonRecord):
    """A time in which an execution, or one under it, waited for a person."""

    start: datetime
    end: datetime


def after_move(execution: Execution, event: Event) -> Execution:
    """The execution after an event that moved it: whether it is asked now."""
    message_id = event.payload.get("message_id") if event.kind is K.WAITING else None
    is_asked = message_id is not None or event.kind is K.PAUSED
    return replace(
        execution,
        asked_at=event.happened_at if is_asked else None,
        asked_message_id=message_id,
    )


def after_answer(execution: Execution, event: Event) -> Execution:
    """The execution after a message of it was answered, or closed."""
    # What an older version recorded of its wait does not name the message.
    message_ids = (event.payload["message_id"], None)
    is_waiting = execution.status is ExecutionStatus.WAITING
    if is_waiting and execution.asked_message_id in message_ids:
        return replace(execution, asked_at=None)
    return execution


def is_waiting(execution: Execution) -> bool:
    """Whether it is asked just now, or something under it is: also when it has ended itself."""
    return execution.asked_at is not None or execution.waiting_children > 0


def with_wait_under_way(
    previous: Execution, execution: Execution, moment: datetime
) -> Execution:
    """The execution after an event: since when it waits for a person, if it does.

    Args:
        previous: As it was before the event.
        moment: Of the event.
    """
    if execution.status.is_ended or not is_waiting(execution):
        return replace(execution, waiting_since=None)
    return replace(execution, waiting_since=previous.waiting_since or moment)


def is_touched(previous: Execution, execution: Execution) -> bool:
    """Whether what an event changed may begin or end a wait for a person."""
    return (
        execution.status is not previous.status
        or execution.asked_at != previous.asked_at
        or execution.waiting_children != previous.waiting_children
    )


def with_wait(execution: Execution, wait: PersonWait) -> Execution:
    """The execution with one more wait; what overlaps with another is counted once.

    What is before its start is no part of its duration, and so no wait.
    """
    start = max(wait.start, execution.started_at or wait.end)
    if start >= wait.end:
        return execution
    earlier = [PersonWait.from_json(record) for record in execution.answer_waits or []]
    waits = _merged([*earlier, PersonWait(start, wait.end)])
    added = _seconds(waits) - _seconds(earlier)
    if added <= 0:
        return execution
    records: Json = [span.to_json() for span in waits[-MAX_WAITS:]]
    total = round(execution.answer_seconds + added, 6)
    return replace(execution, answer_seconds=total, answer_waits=records)


def _merged(waits: Iterable[PersonWait]) -> list[PersonWait]:
    """The same moments as spans that do not touch, in order."""
    spans: list[PersonWait] = []
    for wait in sorted(waits):
        if spans and wait.start <= spans[-1].end:
            end = max(spans[-1].end, wait.end)
            spans[-1] = PersonWait(spans[-1].start, end)
        else:
            spans.append(wait)
    return spans


def _seconds(waits: Iterable[PersonWait]) -> float:
    return sum((wait.end - wait.start).total_seconds() for wait in waits)
