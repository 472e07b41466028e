"""The end of the time in which a message can be answered.

It is on the monotonic clock, for a clock that is set forward must close nothing. Only what was
open when the engine started has the time that is left by the clock of the machine.
"""

from collections.abc import Callable, Set
from functools import partial

from flowkernel.core.clock import monotonic, now
from flowkernel.core.models import Event, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.prompts.inbox import timed_out_event
from flowkernel.engine.timers import Timers


class MessageExpiry:
    """Closes each message when its time is over, whether or not anybody looks at it."""

    def __init__(self, timers: Timers, record: Callable[[list[Event]], None]) -> None:
        """`record`: has events recorded soon; those that come too late are skipped."""
        self._timers = timers
        self._record = record
        #: When the time of each message is over, by its id; on the monotonic clock.
        self._deadlines: dict[str, float] = {}

    def is_over(self, message_id: str) -> bool:
        """Whether the time of a message is over. Safe in threads."""
        deadline = self._deadlines.get(message_id)
        return deadline is not None and deadline <= monotonic()

    def follow(self, message: Message) -> None:
        """Follow a message that was open when the engine started, or has changed."""
        message_id = message.message_id
        if message.status is not MessageStatus.OPEN:
            self._deadlines.pop(message_id, None)
            self._timers.cancel(("message", message_id))
        elif message.expires_at is not None and message_id not in self._deadlines:
            seconds = (message.expires_at - now()).total_seconds()
            self._deadlines[message_id] = monotonic() + seconds
            close = partial(self._close, message.execution_id, message_id)
            self._timers.set(("message", message_id), seconds, close)

    def forget_others(self, open_ids: Set[str]) -> None:
        """Follow only these messages: others were deleted with their runs."""
        for message_id in self._deadlines.keys() - open_ids:
            del self._deadlines[message_id]
            self._timers.cancel(("message", message_id))

    def _close(self, execution_id: str, message_id: str) -> None:
        self._record([timed_out_event(execution_id, message_id)])
