"""Messages that outlive the runs that sent them: which a call has sent, and how many may wait.

They are in memory until they are answered, so their number and size have limits.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Event, Execution, Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.child_calls import tries_of
from flowkernel.store import Batch, Store

#: Such messages of one run that wait at a time, inclusive.
MAX_OF_RUN = 100
#: The same of a whole home. With `MAX_SIZE` each they take 64 MiB.
MAX_OF_HOME = 1_000
#: Characters of its text and its form, inclusive.
MAX_SIZE = 64 * 1024
#: What to do instead, in every sentence about a limit.
ADVICE = (
    "this.message() sends one that has no such limit, and is closed when its run ends."
)


def check_size(payload: Json) -> None:
    """Refuse a message that is too large to be kept.

    Args:
        payload: Of the event that sends it.

    Raises:
        BadArgument: It is over the limit.
    """
    size = len(payload["message"] or "") + len(dumps(payload["body"]))
    if size > MAX_SIZE:
        raise BadArgument(
            f"The text and the form of the message have {size:,} characters. A message that "
            f"outlives its run may have {MAX_SIZE:,}. Shorten it; {ADVICE}"
        )


def record_sent(batch: Batch, *, event: Event) -> None:
    """Record the event that sends a message, if there is room for it. A verb of the writer.

    Raises:
        BadArgument: It would outlive its run, and too many such messages wait already.
    """
    if event.payload["outlives"] and not batch.has_event(event.event_id):
        _check_room(batch.outliving_messages(), event.execution_id)
    batch.append([event], strict=True)


def _check_room(waiting: Sequence[Message], execution_id: str) -> None:
    count = sum(message.execution_id == execution_id for message in waiting)
    if count >= MAX_OF_RUN:
        raise BadArgument(
            f"{count:,} messages of this run that outlive it wait for an answer; there may be "
            f"{MAX_OF_RUN:,}. Wait for some of the answers first; {ADVICE}"
        )
    if len(waiting) >= MAX_OF_HOME:
        raise BadArgument(
            f"{len(waiting):,} messages of this home that outlive their runs wait for an "
            f"answer; there may be {MAX_OF_HOME:,}. Answer some (`flowkernel message list`), "
            f"or delete the runs that sent them; {ADVICE}"
        )


def earlier_messages(store: Store, sender: Execution) -> Iterator[Message]:
    """Messages that outlive their runs, and that a call of this one may have sent already.

    Of the run itself those that wait: its cell may run again. Of those that it retries those
    that wait, or were answered when all of them had ended, so that none has read the answer.
    """
    for message in store.open_messages():
        if message.outlives and message.execution_id == sender.execution_id:
            yield message
    tries = tries_of(store, sender)[1:]
    for earlier in tries:
        for message in store.messages_of(earlier.execution_id):
            if message.outlives and _is_unread(message, tries[0].ended_at):
                yield message


def _is_unread(message: Message, ended_at: datetime | None) -> bool:
    """Whether it waits, or was answered after that moment."""
    if message.status is MessageStatus.OPEN:
        return True
    answered_at = message.answered_at
    return answered_at is not None and ended_at is not None and answered_at >= ended_at
