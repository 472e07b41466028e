"""A look at the engine that may fail, and never makes a person wait."""

import http.client
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowkernel.client.client import API, Client
from flowkernel.client.engine_connection import Reply, headers_of, open_connection
from flowkernel.client.own_token import own_token
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.home import EngineFile, Home

LOOK_SECONDS = 1.0  #: How long an engine may take to connect, and to send each part.
QUIET_SECONDS = 5.0  #: After an engine did not answer, it is not looked at for so long.
#: When the engine of a home last did not answer, by its folder; monotonic.
_silent_at: dict[Path, float] = {}


class QuickClient(Client):
    """A client for a moment: it sends each request once, to an engine that runs."""

    def __init__(self, home: Home | None = None) -> None:
        """A client of the engine of a home. Default: the home of the current folder."""
        super().__init__(home)
        self.starts_engine = False

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        seconds: float = LOOK_SECONDS,
    ) -> Any:
        """Send a request once.

        Raises:
            FlowkernelError: The engine's error, as the class that it names.
            EngineUnreachable: No engine answers at once.
        """
        content = None if body is None else dumps(body).encode()
        try:
            reply = self._exchange(method, path, content, min(seconds, LOOK_SECONDS))
            self._local.next_path = reply.next_path
            return reply.value
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error


def quick_record(client: Client, execution_id: str) -> dict[str, Json] | None:
    """The record of an execution as it is now; None if no engine gives it at once."""
    record: dict[str, Json] | None = quick_get(
        client, f"/execution/{quote(execution_id, safe='')}"
    )
    return record


def quick_get(client: Client, path: str) -> Any:
    """GET `path`, once; None if no engine answers at once. It starts none.

    After that it is not tried for some seconds: who looks at many waits for one.
    """
    home = client.home
    if monotonic() - _silent_at.get(home.path, -QUIET_SECONDS) < QUIET_SECONDS:
        return None
    with suppress(FlowkernelError, ValueError):
        try:
            return _get_once(home, path)
        except (OSError, http.client.HTTPException):
            _silent_at[home.path] = monotonic()
    return None


def _get_once(home: Home, path: str) -> Any:
    engine = EngineFile.read(home, token=own_token(home))
    if engine is None:
        return None
    connection = open_connection(engine.url, LOOK_SECONDS)
    try:
        connection.request("GET", API + path, headers=headers_of(engine, None))
        return Reply.of(connection.getresponse()).value
    finally:
        connection.close()
