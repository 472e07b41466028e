"""The end of the time in which a message can be answered."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from flowkernel.core.clock import now
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Message
from flowkernel.core.status import MessageStatus
from flowkernel.engine.timers import Timers

K = EventKind
NOBODY = "Nobody answered in time."


class MessageExpiry:
    """Closes each message when its time is over, whether or not anybody looks at it."""

    def __init__(self, timers: Timers, record: Callable[[list[Event]], None]) -> None:
        """`record`: has events recorded soon; those that come too late are skipped."""
        self._timers = timers
        self._record = record

    def recall(self, message: Message) -> None:
        """Follow a message that was open when the engine started."""
        if message.expires_at is not None:
            self._set(message.execution_id, message.message_id, message.expires_at)

    def apply(self, event: Event) -> None:
        """Follow an event."""
        payload = event.payload
        if event.kind is K.MESSAGE_SENT and payload.get("expires_at"):
            moment = datetime.fromisoformat(payload["expires_at"])
            self._set(event.execution_id, payload["message_id"], moment)
        elif event.kind in (K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED):
            self._timers.cancel(("message", payload["message_id"]))

    def _set(self, execution_id: str, message_id: str, moment: datetime) -> None:
        seconds = (moment - now()).total_seconds()
        close = partial(self._close, execution_id, message_id)
        self._timers.set(("message", message_id), seconds, close)

    def _close(self, execution_id: str, message_id: str) -> None:
        closed = make_event(
            execution_id,
            K.MESSAGE_CLOSED,
            message_id=message_id,
            status=MessageStatus.TIMED_OUT,
            why=NOBODY,
        )
        self._record([closed])
