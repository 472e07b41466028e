"""Stands before every route: a token on everything, and no body without end."""

import hmac
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkernel.client.flow_source import MAX_SOURCE
from flowkernel.core.errors import Unauthorized
from flowkernel.core.json_values import dumps

MAX_BODY = (
    MAX_SOURCE + 32 * 1024 * 1024
)  #: Bytes of a request, inclusive: JSON escapes grow.
QUIET = (
    "/api/latest/worker/",
    "/api/latest/engine",
)  #: Asking these does not keep it up.

PERSON = b"x-flowkernel-person"  #: Who asks, by hand just now; and from where.

LONGEST = 100  #: Characters of either that are kept.
HANG_UP = (
    (b"connection", b"close"),
)  #: What is still to come may have no end: not read.


class BodyTooBig(Exception):
    """The request has more bytes than it may have."""


class AuthMiddleware:
    """ASGI middleware. What it refuses reaches no route."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        on_request: Callable[[], None],
        on_person: Callable[[str, str], None] = lambda _person, _channel: None,
    ) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._on_request = on_request
        self._on_person = on_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _say(send, 401, "Unauthorized", str(Unauthorized()))
            return
        if not scope["path"].startswith(QUIET):
            self._on_request()
        if PERSON in headers:
            person, _, channel = headers[PERSON].decode("latin-1").partition(";")
            self._on_person(unquote(person)[:LONGEST], unquote(channel)[:LONGEST])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            await _say(send, 413, "ValueTooBig", _too_big(length.decode("latin-1")))
            return
        body = _CountedBody(receive, send)
        await self._app(scope, body.receive, body.send)


class _CountedBody:
    """A body that does not say its length: counted as it comes."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._seen = 0
        self._is_answered = False

    async def receive(self) -> Message:
        """The next piece; raises once there are too many bytes, and answers for the app."""
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MAX_BODY and not self._is_answered:
            self._is_answered = True
            said = _too_big(f"over {MAX_BODY:,}")
            await _say(self._send, 413, "ValueTooBig", said, *HANG_UP)
        if self._is_answered:
            raise BodyTooBig
        return message

    async def send(self, message: Message) -> None:
        """What the app says, unless the answer was given already."""
        if not self._is_answered:
            await self._send(message)


def _too_big(length: str) -> str:
    return (
        f"The request has {length} bytes; the limit is {MAX_BODY:,}. "
        "Write large data to a file and pass its path."
    )


async def _say(
    send: Send, status: int, code: str, message: str, *more: tuple[bytes, bytes]
) -> None:
    body = dumps({"code": code, "message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
