"""Requests to the engine: repeated if it was replaced, and never through a proxy."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from flowkernel.core.errors import EngineUnreachable, from_code
from flowkernel.core.json_values import dumps
from flowkernel.home import EngineFile
from flowkernel.server_extension.home_engine import HomeEngine
from flowkernel.server_extension.permitted_paths import CHANNEL

API = "/api/latest"
PERSON = "X-Flowkernel-Person"  #: The header with the person and the channel they use.
MAX_REQUESTS = 32  #: Requests to the engine at a time; others wait for them.
MAX_RESPONSE = 128 * 1024 * 1024  #: Bytes of a response, inclusive.
CONNECT_SECONDS = 10.0  #: How long it may take until the engine takes a connection.
ANSWER_SECONDS = 60.0  #: How long a response may take, if nothing else is said.
TRIES = 3  #: Of one request, in all: the engine may be replaced meanwhile.
UNAUTHORIZED = 401
BAD_REQUEST = 400  #: The lowest HTTP status of an error.


class EngineReply(NamedTuple):
    """A response of the engine."""

    status: int
    headers: HTTPHeaders
    content: bytes


class EngineRequests:
    """Sends requests with the token of the engine, which stays here."""

    def __init__(self, engine: HomeEngine) -> None:
        self._engine = engine
        # An own client, of this class: others may go through a proxy from the environment,
        # and share ten connections.
        self._client = SimpleAsyncHTTPClient(
            force_instance=True,
            max_clients=MAX_REQUESTS,
            max_buffer_size=MAX_RESPONSE,
            max_body_size=MAX_RESPONSE,
        )

    async def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        person: str | None = None,
        is_repeatable: bool = True,
        seconds: float = ANSWER_SECONDS,
    ) -> EngineReply:
        """The response to a request. The engine is started if none runs.

        Args:
            path: With its query, behind `/api/latest/`.
            person: Who makes the request by hand; None: the panel makes it by itself, and no
                engine is started where nothing ran yet, or a person stopped it.
            is_repeatable: Whether it changes nothing twice if it is sent again.

        Raises:
            FlowkernelError, PanelRefusal: No engine responds; says why.
        """
        engine = await self._engine.ready(may_start=person is not None)
        reason: object = "it does not accept its own token"
        for _try in range(TRIES):
            is_unsent = True
            try:
                reply = await self._fetch(
                    engine, method, path, content, person=person, seconds=seconds
                )
                if reply.status != UNAUTHORIZED:  # Else it is another engine.
                    return reply
            except HTTPTimeoutError as error:  # Again would take as long again.
                raise _unreachable(error) from error
            except (OSError, HTTPClientError) as error:
                reason, is_unsent = error, isinstance(error, ConnectionRefusedError)
            self._engine.forget()
            if not (is_repeatable or is_unsent):
                break
            engine = await self._engine.next(may_start=person is not None)
        raise _unreachable(reason)

    async def fetch_once(self, engine: EngineFile, path: str) -> EngineReply:
        """What this engine responds to one GET.

        Raises:
            OSError, HTTPClientError: It does not.
        """
        return await self._fetch(
            engine, "GET", path, None, person=None, seconds=ANSWER_SECONDS
        )

    async def _fetch(
        self,
        engine: EngineFile,
        method: str,
        path: str,
        content: bytes | None,
        *,
        person: str | None,
        seconds: float,
    ) -> EngineReply:
        headers = {"Authorization": f"Bearer {engine.token}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if person is not None:
            headers[PERSON] = f"{quote(person)};{CHANNEL}"
        request = HTTPRequest(
            f"{engine.url}{API}/{path}",
            method=method,
            headers=headers,
            body=content,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=seconds,
            decompress_response=False,
        )
        response = await self._client.fetch(request, raise_error=False)
        return EngineReply(response.code, response.headers, response.body)

    async def get(self, path: str) -> Any:
        """The JSON of what the panel reads by itself. Raises the engine's error."""
        return reply_value(await self.send("GET", path))

    async def sql(self, query: str, *, seconds: float) -> dict[str, Any]:
        """The result of an SQL query: `columns`, `types`, `rows` and `is_cut`."""
        body = dumps({"sql": query, "format": "json"}).encode()
        reply = await self.send("POST", "sql", body, seconds=seconds)
        result: dict[str, Any] = reply_value(reply)
        return result


def reply_value(reply: EngineReply) -> Any:
    """The JSON of a response. Raises the engine's error."""
    record = json.loads(reply.content)
    if reply.status >= BAD_REQUEST:
        raise from_code(record["code"], record["message"])
    return record


def _unreachable(reason: object) -> EngineUnreachable:
    return EngineUnreachable(
        f"The engine does not answer ({reason}). Try again; `flowkernel doctor` in a "
        "terminal shows why."
    )
