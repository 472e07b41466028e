"""What crosses a wrapper: its flow ends, or somebody cancels it, at an awkward moment.

The handlers are those that ship, and the engine is a real one; the kernels are played.
"""

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import Execution
from flowkernel.flow_api.exceptions import ExecutionSuccess
from tests.conftest import until
from tests.stage import (
    PATIENT,
    PlayedWorker,
    PlayedWrapper,
    clock,
    engine_here,
    shipped,
)

__all__ = ["clock"]

SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
TIMEOUT = {"name": "timeout", "inputs": {"timeout_sec": 60}}


@pytest.fixture
def client(own_home, clock):
    """A client of an engine in this process, whose clock is the test's."""
    with engine_here(own_home, PATIENT) as client:
        yield client


@pytest.fixture
def worker(client):
    return PlayedWorker(client)


class Late(Client):
    """Something happens just before it cancels."""

    def act(self, execution_id, verb):
        if verb == "cancel":
            self.first()
        return super().act(execution_id, verb)


def test_what_ends_as_timeout_cancels_it_has_ended_so(client, worker, clock):
    client.start({"source": SOURCE, "using": [TIMEOUT]})
    mine = worker.take(is_wrapper=True)
    late = Late(client.home, started_by="test")
    late.starts_engine = False
    limit = PlayedWrapper(shipped("timeout"), Execution(late, mine.execution_id))
    child = worker.take()
    late.first = lambda: worker.succeed(child)
    until(lambda: mine.load("status") == "WAITING")

    clock.move(seconds=61)

    assert isinstance(limit.join(), ExecutionSuccess)
    limit.stop()
    late.close()


@pytest.mark.parametrize(
    ("asks", "status"), [(True, S.ENDED_CANCELLED), (False, S.ENDED_ERROR)]
)
def test_what_is_refused_to_a_wrapper_that_is_cancelled_is_no_error_of_it(
    client, worker, asks, status
):
    """Its worker has not heard of the cancel when the cell raises."""
    root = client.start({"source": SOURCE, "using": [TIMEOUT]})
    mine = worker.take(is_wrapper=True)
    if asks:
        client.act(root.execution_id, "cancel")
        wrapper = PlayedWrapper(shipped("timeout"), mine)
        assert isinstance(wrapper.join(), MoveNotAllowed)
        wrapper.stop()

    error = {"name": "MoveNotAllowed", "message": "No."}
    said = {"status": S.ENDED_ERROR, "status_message": "No.", "error": error}
    worker.report(mine, EventKind.ENDED, **said)

    told = "Cancelled by cron (test)." if asks else "No."
    assert mine.load("status", "message") == (status, told)
