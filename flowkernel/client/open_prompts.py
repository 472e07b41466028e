"""The open prompts of executions, kept current by events, for a prompter to show."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from flowkernel.client.client import Client
from flowkernel.core.errors import NotOpen
from flowkernel.core.message_projection import MESSAGE_KINDS, fold_message
from flowkernel.core.models import Event, Json, Message
from flowkernel.core.status import MessageStatus

MAX_OPEN = 1_000  #: Open messages that are read at a time, inclusive.


@dataclass(frozen=True, slots=True)
class AnswerChannel:
    """How a person at one place reads and answers messages."""

    client: Client
    place: str  #: notebook, command line, ...

    def read(self, message_id: str) -> Message:
        """A message as it is now.

        Raises:
            MessageNotFound: It was deleted.
        """
        return Message.from_json(self.client.get(f"/message/{message_id}"))

    def answer(self, message_id: str, response: dict[str, Json]) -> Message:
        """Answer a message, for good; the message as it then is.

        Raises:
            BadAnswer: It does not fit the form. The message stays open.
            NotOpen: It is answered or closed; says by whom, and how.
        """
        record = self.client.answer(message_id, response, answered_from=self.place)
        return Message.from_json(record)


class Prompter(Protocol):
    """Shows prompts to a person. Called in the thread that follows the events."""

    #: Seconds between two calls of `poll`, at most, while a prompt is open.
    every: float

    def open(self) -> None:
        """Reserve the place for prompts that come later, if that is possible only now."""

    def ask(self, message: Message) -> None:
        """Show a message that waits for an answer.

        Called again for a message that is shown: then it may have changed.
        """

    def close(self, message: Message) -> None:
        """Remove a message that no longer waits for an answer."""

    def poll(self) -> bool:
        """Handle what the person has done; whether the tree must not be drawn now."""

    def pause(self) -> None:
        """Take no input for now: something else is asked, or the command ends."""

    def finish(self) -> None:
        """The events are no longer followed: keep on the screen what can stay."""


class NoPrompter:
    """Shows nothing: open prompts are in the inbox."""

    every = 1.0

    def open(self) -> None:
        """Do nothing."""

    def ask(self, message: Message) -> None:
        """Do nothing."""

    def close(self, message: Message) -> None:
        """Do nothing."""

    def poll(self) -> bool:
        """The tree can always be drawn."""
        return False

    def pause(self) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class OpenPrompts:
    """The messages that are open, kept current by events, for one prompter."""

    def __init__(
        self, client: Client, prompter: Prompter, *, root_id: str | None = None
    ) -> None:
        self._client = client
        self._prompter = prompter
        self._root_id = root_id
        self._messages: dict[str, Message] = {}

    @property
    def open(self) -> list[Message]:
        """The messages that wait for an answer, the oldest first."""
        return list(self._messages.values())

    def refresh(self, *, is_followed: Callable[[str], bool]) -> None:
        """Read which messages are open now.

        Args:
            is_followed: Whether an execution, by its id, is one whose messages are shown.
        """
        scope = {"root_id": self._root_id} if self._root_id else {}
        records = self._client.get_list(
            "/message", is_open="true", limit=MAX_OPEN, **scope
        )
        messages = [Message.from_json(record) for record in reversed(records)]
        current = {m.message_id: m for m in messages if is_followed(m.execution_id)}
        for message_id in [key for key in self._messages if key not in current]:
            record = self._client.get(f"/message/{message_id}")
            del self._messages[message_id]
            self._prompter.close(Message.from_json(record))
        self._messages = current
        for message in current.values():
            self._prompter.ask(message)

    def apply(self, event: Event, *, accepts_new: bool = True) -> None:
        """Take an event into account.

        Args:
            accepts_new: Show messages that were not known before, too.
        """
        if event.kind not in MESSAGE_KINDS:
            return
        message_id = event.payload["message_id"]
        if not accepts_new and message_id not in self._messages:
            return
        with suppress(NotOpen):  # The event is in what `refresh` has read.
            message = fold_message(self._messages.get(message_id), event)
            if message.status is MessageStatus.OPEN:
                self._messages[message_id] = message
                self._prompter.ask(message)
            elif self._messages.pop(message_id, None) is not None:
                self._prompter.close(message)
