"""What executions ask people, as it stands: kept current by events, for whoever can ask."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from flowkernel.client.client import Client
from flowkernel.core.errors import NotOpen
from flowkernel.core.models import Event, Message
from flowkernel.core.projection import MESSAGE_KINDS, fold_message
from flowkernel.core.status import MessageStatus

LOOKED_AT = 1_000  #: Of the messages that are open, inclusive.


class Prompter(Protocol):
    """Something that asks a person. Called in the thread that follows."""

    every: (
        float  #: Seconds between two calls of `poll`, at most, while something is open.
    )

    def open(self) -> None:
        """Take a place for what comes later, where it can only be had now."""

    def ask(self, message: Message) -> None:
        """It waits for an answer. What is asked already is asked once; if it has changed
        since, as it stands now."""

    def close(self, message: Message) -> None:
        """It does not any more."""

    def poll(self) -> bool:
        """Look whether somebody has done something; whether the tree must stay away."""

    def finish(self) -> None:
        """Nobody follows any more: leave what can stay."""


class NoPrompter:
    """Nobody is asked here: the inbox has what is open."""

    every = 1.0

    def open(self) -> None:
        """Nothing."""

    def ask(self, message: Message) -> None:
        """Nothing."""

    def close(self, message: Message) -> None:
        """Nothing."""

    def poll(self) -> bool:
        """Nobody does."""
        return False

    def finish(self) -> None:
        """Nothing."""


class OpenPrompts:
    """The messages that are open, kept current by events, for one asker."""

    def __init__(
        self, client: Client, asker: Prompter, *, root_id: str | None = None
    ) -> None:
        self._client = client
        self._asker = asker
        self._root_id = root_id
        self._messages: dict[str, Message] = {}

    @property
    def open(self) -> list[Message]:
        """What waits for an answer, the oldest first."""
        return list(self._messages.values())

    def look(self, *, is_ours: Callable[[str], bool]) -> None:
        """See what is open now, asked by executions that are ours."""
        within = {"root_id": self._root_id} if self._root_id else {}
        found = self._client.get("/message", is_open="true", limit=LOOKED_AT, **within)
        messages = [Message.from_json(record) for record in reversed(found)]
        there = {m.message_id: m for m in messages if is_ours(m.execution_id)}
        for message_id in [one for one in self._messages if one not in there]:
            told = self._client.get(f"/message/{message_id}")
            del self._messages[message_id]
            self._asker.close(Message.from_json(told))
        self._messages = there
        for message in there.values():
            self._asker.ask(message)

    def take(self, event: Event, *, is_new_ours: bool = True) -> None:
        """Something happened.

        Args:
            is_new_ours: Also ask what was not known before.
        """
        if event.kind not in MESSAGE_KINDS:
            return
        message_id = event.payload["message_id"]
        if not is_new_ours and message_id not in self._messages:
            return
        with suppress(NotOpen):  # It was known already.
            message = fold_message(self._messages.get(message_id), event)
            if message.status is MessageStatus.OPEN:
                self._messages[message_id] = message
                self._asker.ask(message)
            elif self._messages.pop(message_id, None) is not None:
                self._asker.close(message)
