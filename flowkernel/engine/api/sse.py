"""A stream of the engine as a response: server-sent events."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import Header
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from flowkernel.engine.api.query import Seq

#: Between comments, by which a client knows that the engine is there.
PING_SECONDS = 5.0
#: A client that takes nothing for so many seconds is gone; it can connect again.
SEND_SECONDS = 60.0

#: The number of the last event that a client got, as browsers send it when they connect again.
LastEventId = Annotated[Seq | None, Header(alias="Last-Event-ID")]


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="still here", sep="\n")


class StreamResponse(EventSourceResponse):
    """Frames that are bytes already, as they come. Ends when they do, or the client is gone."""

    def __init__(self, frames: AsyncIterator[bytes]) -> None:
        super().__init__(
            frames,
            ping=PING_SECONDS,
            ping_message_factory=_ping,
            send_timeout=SEND_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, until one of both ends."""
        with suppress(SendTimeoutError):
            await super().__call__(scope, receive, send)
