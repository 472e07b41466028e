"""Following an execution when the stream breaks for an unexpected reason."""

from collections.abc import Iterator
from typing import Any

import pytest

from flowkernel.client.client import Client
from flowkernel.client.watch import follow
from flowkernel.core.models import Event
from flowkernel.home import Home
from tests.records import an_execution

ROOT_ID = "0d9f2c1e-7b3a-4f60-9a44-1d2e3f405162"
RUNNING = an_execution(ROOT_ID)


class OtherVersion(Client):
    """The client of an engine whose events cannot be read."""

    def tree(self, execution_id: str) -> dict[str, Any]:
        return {"executions": [RUNNING.to_json()], "progress": {}, "cursor": 1}

    def events(self, cursor: int, **_of: Any) -> Iterator[Event | None]:
        yield None
        raise TypeError("no such field")


def test_a_broken_stream_is_raised_to_the_caller(tmp_path):
    """Not lost in a thread: then a cell would wait without end."""
    trees = follow(OtherVersion(Home(tmp_path)), RUNNING.root_id)
    next(trees)

    with pytest.raises(TypeError, match="no such field"):
        next(trees)
