"""Server-sent events as a client reads them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class SentEvent(NamedTuple):
    """A frame: the id that the client has after it, and its data."""

    id: int | None
    data: Any


def sent_events(received: bytes) -> Iterator[SentEvent]:
    """The frames that arrived whole, without comments."""
    *frames, _rest = received.decode().split("\n\n")
    for frame in frames:
        fields = dict(
            line.split(": ", 1)
            for line in frame.split("\n")
            if not line.startswith(":")
        )
        if fields:
            id_, data = fields.get("id"), fields.get("data")
            yield SentEvent(id_ and int(id_), data and json.loads(data))
