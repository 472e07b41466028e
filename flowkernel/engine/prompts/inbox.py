"""Messages: sent by executions, answered by people, each once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flowkernel.core.clock import now
from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.models import Event, EventKind, Json, Message
from flowkernel.core.projection import why_not_open
from flowkernel.core.status import MessageStatus
from flowkernel.engine.service import Service, make_event
from flowkernel.forms.form import Form, body_of

K = EventKind
MS = MessageStatus
RECENT = 1_000  #: Among so many a part of an id is looked for.


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAnswer:
    """What somebody answers."""

    answer_id: str  #: Made by whoever answers: asked again, it is the same answer.
    response: Json
    answered_by: str
    answered_from: str  #: notebook, command line, REST, ...


@dataclass(eq=False)
class Inbox:
    """The messages of one home. Safe in threads; each verb returns once it is on disk."""

    service: Service
    check: Callable[[Message, dict[str, Json]], None] = lambda _message, _response: None
    #: What is left of a response that may be to the form as it was before.
    prepare: Callable[[Message, dict[str, Json]], dict[str, Json]] = (
        lambda _message, response: response
    )
    _hidden: dict[str, dict[str, Json]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, execution_id: str, said: dict[str, Any]) -> Message:
        """Record a message. The same call of an execution that was lost gets the same one."""
        store = self.service.store
        call_key = said.get("call_key")
        sender = store.get_execution(execution_id)
        if call_key is not None and sender.losses:
            for known in store.messages_of(execution_id):
                if known.call_key == call_key and not self._is_forgotten(known):
                    return known
        body = body_of(
            message=said.get("message"),
            request=said.get("request"),
            body=said.get("body"),
            waits=said.get("wait", True),
        )
        timeout = said.get("timeout")
        expires_at = now() + timedelta(seconds=timeout) if timeout is not None else None
        event = Event(
            event_id=said["message_id"],
            execution_id=execution_id,
            kind=K.MESSAGE_SENT,
            happened_at=now(),
            payload={
                "message_id": said["message_id"],
                "subject": said["subject"],
                "message": said.get("message"),
                "message_type": said["message_type"],
                "body": body,
                "call_key": call_key,
                "about_id": said.get("about_id"),
                "attended": said.get("attended"),
                "expires_at": expires_at.isoformat() if expires_at else None,
            },
        )
        store.append([event])
        return store.get_message(said["message_id"])

    def answer(self, message_id: str, given: MessageAnswer) -> Message:
        """Answer a message, for good.

        Raises:
            BadAnswer: It does not fit the form. The message stays open.
            NotOpen: Somebody was first, or nobody waits for it; says who, and what.
        """
        message = self.closed_if_late(self.find(message_id))
        if message.status is not MS.OPEN:
            return self._refuse(message, given)
        form = Form.of(message.body)
        kept = form.check(self.prepare(message, given.response))
        self.check(message, kept)
        with self._lock:  # What is hidden belongs to the answer that is kept.
            message = self.closed_if_late(
                self.service.store.get_message(message.message_id)
            )
            if message.status is not MS.OPEN:
                return self._refuse(message, given)
            shown = form.redacted(kept)
            event = Event(
                event_id=given.answer_id,
                execution_id=message.execution_id,
                kind=K.MESSAGE_ANSWERED,
                happened_at=now(),
                actor=given.answered_by,
                payload={
                    "message_id": message.message_id,
                    "response": shown,
                    "answered_from": given.answered_from,
                },
            )
            if form.has_secret(kept):
                self._hidden[message.message_id] = kept
            try:
                self.service.store.append([event])
            except BaseException:
                self._hidden.pop(message.message_id, None)
                raise
        return self.service.store.get_message(message.message_id)

    def _refuse(self, message: Message, given: MessageAnswer) -> Message:
        """The answer that was given before, if it is the very same; else who was first."""
        if self.service.store.has_event(given.answer_id):
            return message
        raise NotOpen(why_not_open(message))

    def closed_if_late(self, message: Message) -> Message:
        """The message; closed, if the time for an answer is over."""
        is_late = message.expires_at is not None and message.expires_at <= now()
        if message.status is not MS.OPEN or not is_late:
            return message
        return self.close(message, MS.TIMED_OUT, "Nobody answered in time.")

    def close(self, message: Message, status: MessageStatus, why: str) -> Message:
        """Nobody needs the answer any more."""
        event = make_event(
            message.execution_id,
            K.MESSAGE_CLOSED,
            message_id=message.message_id,
            status=status,
            why=why,
        )
        self.service.store.append([event], strict=False)
        return self.service.store.get_message(message.message_id)

    # -- reading -------------------------------------------------------------------------

    def open(self) -> list[Message]:
        """What waits for an answer, newest first."""
        found = map(self.closed_if_late, self.service.store.open_messages())
        return [message for message in found if message.status is MS.OPEN]

    def find(self, id_or_part: str) -> Message:
        """The message of this id, or of the unambiguous beginning or end of a recent one.

        Also by the id of its execution: the one that is open there, else the last one.
        """
        part = id_or_part.lower()
        store = self.service.store
        known = {m.message_id: m for m in store.open_messages()}
        if part in known:
            return known[part]
        recent = [*known.values(), *store.list_messages(RECENT)]
        found = {m.message_id: m for m in recent if is_part(part, m.message_id)}
        if len(found) == 1:
            return found.popitem()[1]
        sent = [m for m in recent if is_part(part, m.execution_id)]
        is_open = {m.message_id for m in sent if m.message_id in known}
        if len({m.execution_id for m in sent}) == 1 and len(is_open) <= 1:
            return sent[0]  # What is open comes first, then the newest.
        return store.get_message(id_or_part)

    def full(self, message: Message) -> dict[str, Json]:
        """As its execution gets it: with what was typed into a password.

        Raises:
            BadAnswer: The engine that knew it is gone; it has to be asked again.
        """
        record = message.to_json()
        if message.message_id in self._hidden:
            return {**record, "response": self._hidden[message.message_id]}
        if self._is_forgotten(message):
            raise BadAnswer(
                "The password was typed in, and lost with the engine, which keeps none. "
                "Ask again."
            )
        return record

    def _is_forgotten(self, message: Message) -> bool:
        """Whether something that was hidden in the answer is no longer known."""
        if message.status is not MS.ANSWERED or message.message_id in self._hidden:
            return False
        return Form.of(message.body).has_secret(message.response or {})


def is_part(part: str, id_: str) -> bool:
    """Whether a person who typed `part` may mean this id."""
    return bool(part) and (id_.startswith(part) or id_.endswith(part))
