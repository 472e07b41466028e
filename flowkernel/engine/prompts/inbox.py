"""The messages of a home: sent by executions, answered by people, each once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.message_projection import why_not_open
from flowkernel.core.models import Event, EventKind, Execution, Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.caller_checks import decide_as
from flowkernel.engine.callers import Caller
from flowkernel.engine.field_types import Actor, AnswerTimeout, CallKey, Id, JsonValue
from flowkernel.engine.prompts.message_lookup import MessageLookup
from flowkernel.engine.prompts.outliving_messages import (
    check_size,
    earlier_messages,
    record_sent,
)
from flowkernel.engine.service import (
    Service,
)
from flowkernel.forms.form import Form, body_of
from flowkernel.store import Batch, checked_event

K = EventKind
MS = MessageStatus


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """A message to send. It asks for an answer by one of `request` and `body`."""

    message_id: Id = field(default_factory=new_id)
    subject: Annotated[str, Field(max_length=1_000)]
    #: Markdown.
    message: Annotated[str, Field(max_length=100_000)] | None = None
    message_type: Literal["INFO", "WARN", "ERROR", "POPUP"] = "INFO"
    #: A question, to be answered by one text.
    request: Annotated[str, Field(max_length=1_000)] | None = None
    body: JsonValue = None  #: A form.
    #: False: a message without `request` and `body` asks for nothing.
    wait: bool = True
    timeout: AnswerTimeout | None = None
    call_key: CallKey | None = None
    about_id: Id | None = None  #: The failed execution that it is about.
    #: Whether the end of its execution leaves it open, if it asks for something. Not with a
    #: password, which only its execution can get, nor a prompt.
    outlives: bool = False


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAnswer:
    """An answer to a message."""

    #: Made by the sender: the same id again is the same answer.
    answer_id: Id = field(default_factory=new_id)
    response: dict[str, JsonValue] = field(default_factory=dict)
    answered_by: Actor = ""  #: Who the sender says they are; empty: the account's name.
    #: notebook, command line, REST, ...
    answered_from: Annotated[str, Field(max_length=100)] = "REST"


@dataclass(eq=False)
class Inbox:
    """The messages of one home. Safe in threads; each method returns once it is on disk."""

    service: Service
    #: Raises if a response does not fit, beyond what its form says.
    check: Callable[[Message, dict[str, Json]], None] = lambda _message, _response: None
    #: The response without what the form of the message no longer has.
    prepare: Callable[[Message, dict[str, Json]], dict[str, Json]] = (
        lambda _message, response: response
    )
    #: Whether the time for an answer to an open message is over.
    is_late: Callable[[str], bool] = lambda _message_id: False
    #: Responses with passwords, by execution and message: the store has them without.
    _secret_responses: dict[str, dict[str, dict[str, Json]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        #: Which message is meant by an id.
        self.lookup = MessageLookup(self.service.store)

    def forget(self, execution_id: str) -> None:
        """Forget the passwords that were answered to an execution, which has ended."""
        self._secret_responses.pop(execution_id, None)

    def send(
        self,
        execution_id: str,
        request: MessageRequest,
        *,
        attended: Json = None,
        caller: Caller | None = None,
    ) -> Message:
        """Record a message. A lost execution that makes the same call gets the same one.

        Of one that outlives its execution, a retry gets the same one, too.

        Args:
            attended: Why we think that a person is there; it is recorded.

        Raises:
            BadForm, BadArgument: It cannot be sent; says why.
        """
        store = self.service.store
        sender = store.get_execution(execution_id)
        event = checked_event(sent_event(execution_id, request, attended))
        previous = self._previous(sender, request.call_key, event)
        if previous is not None:
            return previous
        decide_as(store, caller, partial(record_sent, event=event))
        return store.get_message(request.message_id)

    def _previous(
        self, sender: Execution, call_key: str | None, event: Event
    ) -> Message | None:
        """The message that the same call sent before, in this execution or an earlier try."""
        store, candidates = self.service.store, list[Message]()
        if call_key is not None and sender.losses:
            candidates += reversed(store.messages_of(sender.execution_id))
        if call_key is not None and event.payload["outlives"]:
            candidates += earlier_messages(store, sender)
        for message in candidates:
            if message.call_key == call_key and not self._is_forgotten(message):
                return message
        return None

    def answer(self, message_id: str, answer: MessageAnswer) -> Message:
        """Answer a message, for good.

        Raises:
            BadAnswer: It does not fit the form. The message stays open.
            NotOpen: It is answered or closed; says by whom, and how. Or it is not the one that
                was shown for this id of a run.
        """
        message = self.closed_if_late(self.lookup.to_answer(message_id))
        if message.status is not MS.OPEN:
            return self._refuse(message, answer)
        try:
            self._record_answer(
                message, answer, self._checked(message, answer.response)
            )
        except NotOpen:
            # Somebody answered a moment ago; the execution may have ended since then.
            current = self.current(message)
            if current.status is MS.OPEN:
                raise
            return self._refuse(current, answer)
        return self.service.store.get_message(message.message_id)

    def _checked(self, message: Message, response: dict[str, Json]) -> dict[str, Json]:
        """The response as its form takes it, without what is no longer possible."""
        checked = Form.of(message.body).check(self.prepare(message, response))
        self.check(message, checked)
        return checked

    def _record_answer(
        self, message: Message, answer: MessageAnswer, response: dict[str, Json]
    ) -> None:
        form = Form.of(message.body)
        redacted = form.redacted(response)
        event = checked_event(_answer_event(message, answer, redacted))
        has_secret = form.has_secret(response)

        def record(batch: Batch) -> None:
            """Record it; the secrets are those of the answer that is recorded."""
            if batch.append([event], strict=True):
                secrets = self._secret_responses.setdefault(message.execution_id, {})
                secrets.pop(message.message_id, None)  # Of an answer that was refused.
                if has_secret:
                    secrets[message.message_id] = response

        self.service.store.decide(record)

    def _refuse(self, message: Message, answer: MessageAnswer) -> Message:
        """The message, if it has this very answer already; else say why it is not open."""
        if self.service.store.has_event(answer.answer_id):
            return message
        raise NotOpen(why_not_open(message))

    def current(self, message: Message) -> Message:
        """The message as it is now; closed, if the time for an answer is over."""
        return self.closed_if_late(self.service.store.get_message(message.message_id))

    def closed_if_late(self, message: Message) -> Message:
        """The message; closed, if the time for an answer is over."""
        if message.status is not MS.OPEN or not self.is_late(message.message_id):
            return message
        event = timed_out_event(message.execution_id, message.message_id)
        self.service.store.append([event], strict=False)
        return self.service.store.get_message(message.message_id)

    # -- reading -------------------------------------------------------------------------

    def open(self) -> list[Message]:
        """The messages that wait for an answer, newest first."""
        messages = map(self.closed_if_late, self.service.store.open_messages())
        return [message for message in messages if message.status is MS.OPEN]

    def find(self, id_or_part: str) -> Message:
        """As `MessageLookup.find`."""
        return self.lookup.find(id_or_part)

    def with_secrets(self, message: Message) -> dict[str, Json]:
        """The message as JSON for its execution: with the passwords of the answer.

        Raises:
            BadAnswer: The engine that had the passwords has ended: ask again.
        """
        record, response = message.to_json(), self._secret_response(message)
        if response is not None:
            return {**record, "response": response}
        if self._is_forgotten(message):
            raise BadAnswer(
                "The password was typed in, and lost with the engine, which keeps none. "
                "Ask again."
            )
        return record

    def _secret_response(self, message: Message) -> dict[str, Json] | None:
        """The answer with its passwords, if it has any that are still known."""
        if message.status is not MS.ANSWERED:  # One that could not be recorded.
            return None
        secrets = self._secret_responses.get(message.execution_id, {})
        return secrets.get(message.message_id)

    def _is_forgotten(self, message: Message) -> bool:
        """Whether a password of the answer is no longer known."""
        if message.status is not MS.ANSWERED or self._secret_response(message):
            return False
        return Form.of(message.body).has_secret(message.response or {})


def sent_event(execution_id: str, request: MessageRequest, attended: Json) -> Event:
    """The event that records a message."""
    return Event(
        event_id=request.message_id,
        execution_id=execution_id,
        kind=K.MESSAGE_SENT,
        happened_at=now(),
        payload=_sent_payload(request, attended),
    )


def timed_out_event(execution_id: str, message_id: str) -> Event:
    """The event that closes a message when the time for an answer is over."""
    return make_event(
        execution_id,
        K.MESSAGE_CLOSED,
        message_id=message_id,
        status=MS.TIMED_OUT,
        why="Nobody answered in time.",
    )


def _sent_payload(request: MessageRequest, attended: Json) -> dict[str, Json]:
    """The payload of `message_sent`: the fields of the message, and when it expires."""
    body = body_of(
        message=request.message,
        request=request.request,
        body=request.body,
        waits=request.wait,
    )
    timeout = request.timeout
    expires_at = now() + timedelta(seconds=timeout) if timeout is not None else None
    payload: dict[str, Json] = {
        "message_id": request.message_id,
        "subject": request.subject,
        "message": request.message,
        "message_type": request.message_type,
        "body": body,
        "call_key": request.call_key,
        "about_id": request.about_id,
        "attended": attended,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "outlives": request.outlives
        and request.about_id is None
        and _can_outlive(body),
    }
    if payload["outlives"]:
        check_size(payload)
    return payload


def _can_outlive(body: Json) -> bool:
    """Whether a form has a use when the execution that sent it has ended."""
    return body is not None and not Form.of(body).asks_secret


def _answer_event(message: Message, answer: MessageAnswer, response: Json) -> Event:
    return Event(
        event_id=answer.answer_id,
        execution_id=message.execution_id,
        kind=K.MESSAGE_ANSWERED,
        happened_at=now(),
        actor=answer.answered_by,
        payload={
            "message_id": message.message_id,
            "response": response,
            "answered_from": answer.answered_from,
        },
    )
