"""One connection to an engine, and what a response says."""

import http.client
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from flowkernel.core.errors import from_code
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Event
from flowkernel.home import EngineFile

BAD_REQUEST = 400  #: The lowest HTTP status of an error.
BUSY = (429, 503)  #: With `Retry-After`: send the request again later.
SILENT_SECONDS = 15.0  #: A stream without a line for this long is opened again.
NEXT = re.compile(r'</api/latest([^>]+)>; rel="next"')


class Reply(NamedTuple):
    """A response that was read to its end."""

    status: int
    content_type: str
    content: bytes
    #: Of a list that has more pages: the path of the next one, with its query.
    next_path: str | None
    #: Seconds after which to send the request again; None: there is a response.
    retry_after: float | None

    @classmethod
    def of(cls, response: http.client.HTTPResponse) -> Self:
        """Read a response."""
        link = NEXT.search(response.headers.get("link", ""))
        seconds = response.headers.get("retry-after", "")
        is_busy = response.status in BUSY and seconds.isdigit()
        return cls(
            response.status,
            response.headers.get("content-type", ""),
            response.read(),
            link[1] if link else None,
            float(seconds) if is_busy else None,
        )

    @property
    def value(self) -> Any:
        """The JSON, or the bytes of anything else.

        Raises:
            FlowkernelError: The engine's error, as the class that it names.
        """
        if "json" not in self.content_type:
            return self.content
        record = json.loads(self.content)
        if self.status >= BAD_REQUEST:
            raise from_code(record["code"], record["message"])
        return record


class _Connection(http.client.HTTPConnection):
    """Closes when it is garbage-collected: a thread may end without closing it."""

    def __del__(self) -> None:
        self.close()


def open_connection(url: str, seconds: float) -> http.client.HTTPConnection:
    """A connection whose responses may take so long. It connects with the first request."""
    address = urlsplit(url)
    return _Connection(address.hostname or "", address.port, timeout=seconds)


def headers_of(engine: EngineFile, body: bytes | None) -> dict[str, str]:
    """The headers of every request."""
    headers = {"Authorization": f"Bearer {engine.token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def read_events(engine: EngineFile, path: str) -> Iterator[Event | None]:
    """The events of a stream as they come; None for each comment.

    Raises:
        OSError, HTTPException: It ended, or cannot be had.
    """
    connection = open_connection(engine.url, SILENT_SECONDS)
    try:
        connection.request("GET", path, headers=headers_of(engine, None))
        response = connection.getresponse()
        if response.status != 200:
            raise http.client.HTTPException(f"status {response.status}")
        for line in response:
            if line.startswith(b"data:"):
                yield Event.from_json(json.loads(line[5:]))
            elif line.startswith(b":"):
                yield None
    finally:
        connection.close()


def path_with_query(path: str, query: dict[str, Any]) -> str:
    """The path with a query, in which True is `true` as in JSON, and a moment has its zone."""
    texts = {name: _query_text(value) for name, value in query.items()}
    return f"{path}?{urlencode(texts)}" if texts else path


def _query_text(value: Any) -> Any:
    if isinstance(value, datetime):  # Without a zone it is one of this place.
        return value.astimezone().isoformat()
    return dumps(value) if isinstance(value, bool) else value
