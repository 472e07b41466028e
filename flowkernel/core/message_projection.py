"""From events to messages, and the sentences about a message that is not open. Pure."""

from dataclasses import replace
from datetime import datetime

from flowkernel.core.clock import short_id
from flowkernel.core.errors import NotOpen
from flowkernel.core.models import Event, EventKind, Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.suggestions import quoted_name
from flowkernel.core.text import one_line

K = EventKind
MESSAGE_KINDS = frozenset(
    {K.MESSAGE_SENT, K.MESSAGE_CHANGED, K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED}
)


def another_opened(run: str, message: Message) -> str:
    """What is said to who answers by the id of a run, and was shown another message for it."""
    subject, short = one_line(message.subject), short_id(message.message_id)
    return (
        f"Nothing was answered: another message has opened since {quoted_name(run)} was looked "
        f"at, {subject!r}. `flowkernel message show {short}` shows it; answer it by that id."
    )


def fold_message(message: Message | None, event: Event) -> Message:
    """The message after the event.

    Raises:
        NotOpen: It is no longer open; says who answered, or why it is closed.
    """
    payload = event.payload
    if event.kind is K.MESSAGE_SENT:
        return _sent(event)
    if message is None:
        raise NotOpen("This message no longer waits for an answer.")
    if message.status is not MessageStatus.OPEN:
        raise NotOpen(why_not_open(message))
    if event.kind is K.MESSAGE_CHANGED:
        return replace(
            message,
            message=payload["message"],
            body=payload["body"],
            last_seq=event.seq,
        )
    if event.kind is K.MESSAGE_ANSWERED:
        return _answered(message, event)
    return close_message(
        message, event, MessageStatus(payload["status"]), payload["why"]
    )


def _answered(message: Message, event: Event) -> Message:
    return replace(
        message,
        status=MessageStatus.ANSWERED,
        response=event.payload["response"],
        answered_by=event.actor,
        answered_from=event.payload.get("answered_from"),
        answered_at=event.happened_at,
        last_seq=event.seq,
    )


def _sent(event: Event) -> Message:
    payload = event.payload
    expires_at, body = payload.get("expires_at"), payload.get("body")
    return Message(
        message_id=payload["message_id"],
        execution_id=event.execution_id,
        root_id=event.root_id,
        subject=payload["subject"],
        message=payload.get("message"),
        message_type=payload["message_type"],
        created_at=event.happened_at,
        status=MessageStatus.OPEN if body else MessageStatus.NOTE,
        body=body,
        call_key=payload.get("call_key"),
        about_id=payload.get("about_id"),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        outlives=bool(body and payload.get("outlives")),
        last_seq=event.seq,
    )


def close_message(
    message: Message, event: Event, status: MessageStatus, reason: str
) -> Message:
    """The message, closed: its answer is no longer needed, for a reason that people read."""
    return replace(
        message,
        status=status,
        closed_at=event.happened_at,
        closed_why=reason,
        last_seq=event.seq,
    )


def why_not_open(message: Message) -> str:
    """A sentence that says why it cannot be answered."""
    match message.status:
        case MessageStatus.ANSWERED:
            person = message.answered_by or "Somebody"
            moment = message.answered_at
            time = f"at {moment.astimezone():%Y-%m-%d %H:%M:%S} " if moment else ""
            channel = message.answered_from or "somewhere"
            button = pressed_button(message)
            return f"{person} has already answered, {time}from {channel}: {button}."
        case MessageStatus.NOTE:
            return f"{message.subject!r} is a note: it needs no answer."
        case _:
            return f"{message.subject!r} is closed. {message.closed_why}"


def pressed_button(message: Message) -> str:
    """The label of the button that was pressed."""
    properties = (message.body or {}).get("properties", {})
    for name, field in properties.items():
        if field.get("element") == "submit" and (message.response or {}).get(name):
            return str(field.get("label") or name)
    return "answered"
