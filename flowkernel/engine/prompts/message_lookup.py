"""Which message is meant by an id or a part of one: by its own, or by that of a run."""

from collections.abc import Iterator
from threading import Lock

from cachetools import LRUCache

from flowkernel.core.errors import BadArgument, NotOpen
from flowkernel.core.message_projection import another_opened
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.suggestions import quoted_name
from flowkernel.core.text import one_line
from flowkernel.store import Store

NAMED = 5  #: Messages that a sentence names, inclusive.
RECENT = 1_000  #: Messages, the newest, among which a part of an id is looked for.
MAX_SHOWN = 1_000  #: Ids of runs of which is known what was shown for them, inclusive.


class MessageLookup:
    """Finds messages, and knows which one was shown for the id of a run. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: By what was typed for a run: the id of the message that was shown for it last.
        self._shown: LRUCache[str, str] = LRUCache(MAX_SHOWN)
        self._lock = Lock()

    def find(self, text: str) -> Message:
        """The message of this id, or of the unambiguous beginning or end of a recent one.

        Also by the id of a run: the open message of it, else of what is under it or failed;
        else its last one.

        Raises:
            MessageNotFound: There is none.
            BadArgument: Several messages are meant; names them.
        """
        part = text.lower()
        open_messages = {m.message_id: m for m in self._store.open_messages()}
        if part in open_messages:
            return open_messages[part]
        recent = [*open_messages.values(), *self._store.list_messages(RECENT)]
        matching = {m.message_id: m for m in recent if is_part(part, m.message_id)}
        if len(matching) == 1:
            return matching.popitem()[1]
        message = self._of_run(part, list(open_messages.values()))
        message = message or self._last_of_run(part, recent)
        if message is not None:
            return message
        if matching:
            raise BadArgument(_several(text, list(matching.values())))
        return self._store.get_message(text)

    def show(self, text: str, *, is_shown: bool = True) -> tuple[Message, str | None]:
        """A message that is read; and the id of the one that was shown before for this run.

        That is None if it was the same, or if `text` is the id of a message.

        Args:
            is_shown: Whether a person sees it now. Else the one before stays the one shown.
        """
        message = self.find(text)
        previous = self._other_shown(text, message)
        if is_shown and not is_part(text.lower(), message.message_id):
            with self._lock:
                self._shown[text.lower()] = message.message_id
        return message, previous

    def to_answer(self, text: str) -> Message:
        """A message to be answered. However often it is refused, it was not shown by that.

        Raises:
            NotOpen: `text` is the id of a run, and another message was shown for it.
        """
        message = self.find(text)
        is_other = self._other_shown(text, message) is not None
        if is_other and message.status is MessageStatus.OPEN:
            raise NotOpen(another_opened(text, message))
        return message

    def _other_shown(self, text: str, message: Message) -> str | None:
        """The id of another message that was shown for this run."""
        part = text.lower()
        if is_part(part, message.message_id):
            return None
        with self._lock:
            previous = self._shown.get(part)
        return None if previous == message.message_id else previous

    def _of_run(self, part: str, open_messages: list[Message]) -> Message | None:
        """The open message of a run: its own comes before those of runs under it."""
        own = [m for m in open_messages if is_part(part, m.execution_id)]
        related = [
            m for m in open_messages if any(is_part(part, id_) for id_ in self._runs(m))
        ]
        for messages in (own, related):
            if len(messages) > 1:
                raise BadArgument(_several(part, messages))
            if messages:
                return messages[0]
        return None

    def _runs(self, message: Message) -> Iterator[str]:
        """The ids of the runs that a message concerns: what failed, and those that wait."""
        if message.about_id is not None:
            yield message.about_id
        find = self._store.find_execution if message.outlives else self._store.live.get
        execution = find(message.execution_id)
        while execution is not None:
            yield execution.execution_id
            execution = self._store.live.get(execution.current_parent_id or "")
        yield message.root_id

    def _last_of_run(self, part: str, recent: list[Message]) -> Message | None:
        """The newest message of the run, if only one run is meant."""
        messages = [m for m in recent if is_part(part, m.execution_id)]
        is_clear = len({m.execution_id for m in messages}) == 1
        return messages[0] if is_clear else None


def is_part(part: str, id_: str) -> bool:
    """Whether a person who typed `part` may mean this id."""
    return bool(part) and (id_.startswith(part) or id_.endswith(part))


def _several(text: str, messages: list[Message]) -> str:
    """What a person is told whose part of an id several messages have."""
    named = messages[:NAMED]
    names = ", ".join(f"{m.message_id} ({one_line(m.subject, 40)!r})" for m in named)
    tail = " and others" if len(messages) > NAMED else ""
    return (
        f"{quoted_name(text)} can mean {names}{tail}. Give the id of one of them, or more "
        "characters."
    )
