"""One connection of the HTTP server: it is closed when a request does not arrive in time.

uvicorn waits without end for the first byte of a request, and for its end. So a program without
a token that opens connections and says nothing would keep all others out.
"""

import asyncio
import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from flowkernel.core.json_values import dumps

HEAD_SECONDS = 10.0  #: From the start of a request until its head is complete.
MAX_HEAD = 64 * 1024  #: Bytes of a head that came without its end, inclusive.
#: A body has to bring so many bytes in so many seconds, unless the engine makes it wait.
BODY_BYTES, BODY_SECONDS = 16 * 1024, 10.0
#: Key of `scope["state"]` that a request has once its token is known.
CALLER = "caller"
TOO_SLOW, TOO_LARGE = "408 Request Timeout", "431 Request Header Fields Too Large"
#: Errors only: bytes that are no HTTP need no token, and must not fill the log.
LOGGER = logging.getLogger("flowkernel.http")
LOGGER.setLevel(logging.ERROR)


class ConnectionLimit:
    """Which connections may be closed to make room for new ones: those that are idle.

    The oldest goes first, and those that never had a valid token before all others.
    """

    def __init__(self, max_connections: int) -> None:
        self.max_connections = max_connections
        self._strangers: dict[TimedConnection, None] = {}
        self._idle: dict[TimedConnection, None] = {}

    def set_idle(self, connection: "TimedConnection", *, is_trusted: bool) -> None:
        """It has no request that the engine works on."""
        self.set_busy(connection)
        (self._idle if is_trusted else self._strangers)[connection] = None

    def set_busy(self, connection: "TimedConnection") -> None:
        """It has a request, or is closed."""
        self._strangers.pop(connection, None)
        self._idle.pop(connection, None)

    def make_room(self, connection_count: int) -> None:
        """Close the oldest idle ones, until so many are not too many."""
        for connection in [*self._strangers, *self._idle]:
            if connection_count <= self.max_connections:
                return
            connection.abort()
            connection_count -= 1


class ServerSettings(uvicorn.Config):
    """What the server passes on to each of its connections."""

    connection_limit: ConnectionLimit


class TimedConnection(HttpToolsProtocol):
    """A connection whose requests have to arrive in time."""

    config: ServerSettings
    _limit: ConnectionLimit
    _timer: asyncio.TimerHandle | None = None
    #: The head of a request is not complete; none may have begun.
    _is_in_head = True
    _is_in_body = False
    #: Bytes since the head began, or since the last look at the body.
    _byte_count = 0
    #: The engine made the body wait since the last look at it.
    _was_paused = False
    _is_trusted = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; if there are too many connections, close another one."""
        super().connection_made(transport)
        self._limit, self.logger = self.config.connection_limit, LOGGER
        self._await_head()
        self._limit.make_room(len(self.connections))
        self._limit.set_idle(self, is_trusted=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        self._limit.set_busy(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the first bytes after a response begin a head."""
        if not self._is_in_head and not self._is_in_body:
            self._await_head()
        self._byte_count += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._stop_timer()
        elif self._is_in_head and self._byte_count > MAX_HEAD:
            self._refuse(
                TOO_LARGE, f"The head of the request has over {MAX_HEAD:,} bytes."
            )
        elif self._is_in_body and self._timer is None:
            self._look_at_body_later()

    # -- what the parser calls -----------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first line of a request begins."""
        super().on_message_begin()
        self._is_in_head, self._is_in_body = True, False

    def on_headers_complete(self) -> None:
        """The head is complete: the request is passed on, unless its URL is none."""
        super().on_headers_complete()
        self._stop_timer()
        self._limit.set_busy(self)
        self._is_in_head, self._is_in_body = False, True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        super().on_body(body)
        self._was_paused = self._was_paused or self.flow.read_paused

    def on_message_complete(self) -> None:
        """The request has arrived."""
        self._stop_timer()
        self._is_in_body = False
        super().on_message_complete()

    # -- what the server calls -----------------------------------------------------------

    def on_response_complete(self) -> None:
        """From now on it is idle, unless another request is there already."""
        state: dict[str, Any] = self.cycle.scope.get("state", {})
        self._is_trusted = self._is_trusted or CALLER in state
        if not self.pipeline:
            self._limit.set_idle(self, is_trusted=self._is_trusted)
        super().on_response_complete()

    def abort(self) -> None:
        """Close it at once."""
        self._stop_timer()
        self._limit.set_busy(self)
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of every other error."""
        self._refuse("400 Bad Request", msg)

    # -- time ----------------------------------------------------------------------------

    def _await_next_part(self) -> None:
        if self._is_in_head:  # The one before came with its first bytes.
            self._await_head()
        elif self._is_in_body:
            self._look_at_body_later()

    def _await_head(self) -> None:
        self._is_in_head, self._byte_count = True, 0
        self._start_timer(HEAD_SECONDS, self._refuse_late_head)

    def _refuse_late_head(self) -> None:
        self._refuse(TOO_SLOW, f"No request came within {HEAD_SECONDS:g} seconds.")

    def _look_at_body_later(self) -> None:
        self._byte_count, self._was_paused = 0, self.flow.read_paused
        self._start_timer(BODY_SECONDS, self._look_at_body)

    def _look_at_body(self) -> None:
        is_answered = self.cycle.response_complete  # The rest of it is only read away.
        is_held = self._was_paused or self.cycle.waiting_for_100_continue
        if not is_answered and (is_held or self._byte_count >= BODY_BYTES):
            self._look_at_body_later()
        else:
            self._refuse(
                TOO_SLOW,
                f"The body of the request stopped: {self._byte_count:,} bytes came within "
                f"{BODY_SECONDS:g} seconds. Send it again.",
            )

    def _start_timer(self, seconds: float, callback: Any) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, callback)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: str, message: str) -> None:
        """Respond, if there is no response yet, and close the connection."""
        self._stop_timer()
        cycle = self.cycle
        is_next = self._is_in_head and (cycle is None or cycle.response_complete)
        if self._is_in_body and not cycle.response_started:
            cycle.disconnected = True  # No response can be sent any more.
            cycle.message_event.set()
            is_next = True
        if is_next and not self.transport.is_closing():
            self.transport.write(_response(status, message))
        self.transport.close()


def _response(status: str, message: str) -> bytes:
    body = dumps({"code": "BadArgument", "message": message}).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
