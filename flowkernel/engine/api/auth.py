"""Checks that come before every route: the token, and the size of the body."""

import hmac
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkernel.client.flow_source import MAX_SOURCE
from flowkernel.core.errors import Unauthorized
from flowkernel.core.json_values import dumps

#: Bytes of a request, inclusive: a source in JSON has escapes, and gets longer.
MAX_BODY = MAX_SOURCE + 32 * 1024 * 1024
#: Requests to these do not keep an idle engine running.
QUIET = ("/api/latest/worker/", "/api/latest/engine")
#: The header for the person who sends the request by hand just now, and from where.
PERSON = b"x-flowkernel-person"
MAX_PERSON = 100  #: Characters of the person, and of the channel, that are kept.
#: The rest of a body that is too big may have no end: it is not read.
CLOSE = ((b"connection", b"close"),)


class BodyTooBig(Exception):
    """The request has more bytes than it may have."""


class AuthMiddleware:
    """ASGI middleware. A request that it refuses reaches no route."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        on_request: Callable[[], None],
        on_person: Callable[[str, str], None] = lambda _person, _channel: None,
    ) -> None:
        """Wrap an application.

        Args:
            on_request: Called for each request that keeps an idle engine running.
            on_person: Called with person and channel for each request that a person sends.
        """
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._on_request = on_request
        self._on_person = on_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, and pass it on to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _send_error(send, 401, "Unauthorized", str(Unauthorized()))
            return
        if not scope["path"].startswith(QUIET):
            self._on_request()
        if PERSON in headers:
            person, _, channel = headers[PERSON].decode("latin-1").partition(";")
            self._on_person(unquote(person)[:MAX_PERSON], unquote(channel)[:MAX_PERSON])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            message = _too_big(length.decode("latin-1"))
            await _send_error(send, 413, "ValueTooBig", message)
            return
        body = _CountedBody(receive, send)
        await self._app(scope, body.receive, body.send)


class _CountedBody:
    """A body that does not say its length: its bytes are counted as they come."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._size = 0
        self._is_refused = False

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            BodyTooBig: There are too many bytes. The response is sent already.
        """
        piece = await self._receive()
        self._size += len(piece.get("body", b""))
        if self._size > MAX_BODY and not self._is_refused:
            self._is_refused = True
            message = _too_big(f"over {MAX_BODY:,}")
            await _send_error(self._send, 413, "ValueTooBig", message, *CLOSE)
        if self._is_refused:
            raise BodyTooBig
        return piece

    async def send(self, message: Message) -> None:
        """Pass on the application's response, unless the request is refused already."""
        if not self._is_refused:
            await self._send(message)


def _too_big(length: str) -> str:
    return (
        f"The request has {length} bytes; the limit is {MAX_BODY:,}. "
        "Write large data to a file and pass its path."
    )


async def _send_error(
    send: Send, status: int, code: str, message: str, *headers: tuple[bytes, bytes]
) -> None:
    body = dumps({"code": code, "message": message}).encode()
    every_header = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    if status == HTTPStatus.UNAUTHORIZED:
        every_header.append((b"www-authenticate", b"Bearer"))
    await send(
        {"type": "http.response.start", "status": status, "headers": every_header}
    )
    await send({"type": "http.response.body", "body": body})
