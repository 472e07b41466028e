"""Checks that come before every route: the token, what it allows, the size of the body."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkernel.client.flow_source import MAX_SOURCE
from flowkernel.core.errors import FlowkernelError, NotAllowed, Unauthorized
from flowkernel.core.http_status import http_status_of
from flowkernel.core.json_values import dumps
from flowkernel.engine.api.permissions import Reach, permission_of
from flowkernel.engine.caller_checks import check_below, check_caller, is_over
from flowkernel.engine.callers import (
    EXECUTION,
    WORKER,
    Caller,
    ExecutionCaller,
    PersonCaller,
    Tokens,
    WorkerCaller,
)
from flowkernel.store import Store

API = "/api/latest"
BEARER = b"Bearer "
#: Whether an engine runs can be asked with a token that is over, too: see `ensure_engine`.
PING = ("GET", "/engine")
POLICY_VIOLATION = 1008  #: The code with which a WebSocket is closed.

#: Bytes of a request, inclusive: a source in JSON has escapes, and gets longer.
MAX_BODY = MAX_SOURCE + 32 * 1024 * 1024
#: Requests to these do not keep an idle engine running, unless their route says so.
QUIET = ("/api/latest/worker/", "/api/latest/engine", "/api/latest/execution/change")
#: The header for the person who sends the request by hand just now, and from where.
PERSON = b"x-flowkernel-person"
MAX_PERSON = 100  #: Characters of the person, and of the channel, that are kept.
#: The rest of a body that is too big may have no end: it is not read.
CLOSE = ((b"connection", b"close"),)


class BodyTooBig(Exception):
    """The request has more bytes than it may have."""


class AuthMiddleware:
    """ASGI middleware. What it refuses reaches no route.

    A request that it passes on has its caller in `scope["state"]`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Tokens,
        store: Store,
        on_request: Callable[[], None],
        on_person: Callable[[str, str], None] = lambda _person, _channel: None,
    ) -> None:
        """Wrap an application.

        Args:
            on_request: Called for each request that keeps an idle engine running.
            on_person: Called with person and channel for each request that a person sends.
        """
        self._app = app
        self._tokens = tokens
        self._store = store
        self._on_request = on_request
        self._on_person = on_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, and pass it on to the application.

        Of the other scopes only `lifespan` is known here; none of the others is passed on.
        """
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._app(scope, receive, send)
            case "websocket":  # Before it is accepted: the server responds with 403.
                await receive()
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            caller = self._caller(headers)
            await self._authorize(caller, scope["method"], scope["path"])
        except FlowkernelError as error:
            code, status = type(error).__name__, http_status_of(error)
            await _send_error(send, status, code, str(error))
            return
        scope.setdefault("state", {})["caller"] = caller
        if not scope["path"].startswith(QUIET):
            self._on_request()
        if isinstance(caller, PersonCaller):
            self._note_person(headers)
        await self._pass_on(scope, receive, send, headers)

    def _caller(self, headers: dict[bytes, bytes]) -> Caller:
        """Whose token the request has.

        Raises:
            Unauthorized: It has none, or one that nobody has.
        """
        header = headers.get(b"authorization", b"")
        token = header.removeprefix(BEARER).decode("latin-1")
        caller = self._tokens.caller_of(token) if header.startswith(BEARER) else None
        if caller is None:
            raise Unauthorized(is_made=token.startswith((WORKER, EXECUTION)))
        return caller

    async def _authorize(self, caller: Caller, method: str, path: str) -> None:
        """Refuse what the token does not allow, and what comes from an attempt that is over."""
        if isinstance(caller, PersonCaller):
            return
        path = path.removeprefix(API)
        reach, id_ = _reach_of(caller, method, path)
        if (method, path) != PING and is_over(self._store.live, caller):
            await asyncio.to_thread(check_caller, self._store, caller)
        own_id = _own_id(caller)
        is_other = id_ not in ("", own_id)
        if reach is Reach.NOTHING or (reach is Reach.ITSELF and is_other):
            raise NotAllowed(caller.actor(), f"{method} {path}")
        if reach is Reach.BELOW and isinstance(caller, ExecutionCaller) and is_other:
            request = f"{method} {path}"
            await asyncio.to_thread(check_below, self._store, caller, id_, request)

    def _note_person(self, headers: dict[bytes, bytes]) -> None:
        if PERSON in headers:
            person, _, channel = headers[PERSON].decode("latin-1").partition(";")
            self._on_person(unquote(person)[:MAX_PERSON], unquote(channel)[:MAX_PERSON])

    async def _pass_on(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            message = _too_big(length.decode("latin-1"))
            await _send_error(send, 413, "ValueTooBig", message)
            return
        body = _CountedBody(receive, send)
        with suppress(BodyTooBig):
            await self._app(scope, body.receive, body.send)


def _reach_of(
    caller: WorkerCaller | ExecutionCaller, method: str, path: str
) -> tuple[Reach, str]:
    """On what the caller may act by the request, and the id in its path."""
    permission, id_ = permission_of(method, path)
    is_worker = isinstance(caller, WorkerCaller)
    return permission.worker if is_worker else permission.execution, id_


def _own_id(caller: WorkerCaller | ExecutionCaller) -> str:
    if isinstance(caller, WorkerCaller):
        return caller.worker_id
    return caller.execution_id


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
