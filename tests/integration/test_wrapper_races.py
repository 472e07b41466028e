"""Two events at once at a wrapper: its flow ends, or a person cancels it.

The handlers are flowkernel's, and the engine is real; the kernels are simulated.
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
    engine_in_process,
    shipped_handler,
)

__all__ = ["clock"]

SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
TIMEOUT = {"name": "timeout", "inputs": {"timeout_sec": 60}}


@pytest.fixture
def client(own_home, clock):
    """A client of an engine in this process, whose clock is the test's."""
    with engine_in_process(own_home, PATIENT) as client:
        yield client


@pytest.fixture
def worker(client):
    return PlayedWorker(client)


class LateClient(Client):
    """Calls `first` just before it cancels."""

    def act(self, execution_id, verb):
        if verb == "cancel":
            self.first()
        return super().act(execution_id, verb)


def test_a_flow_that_ends_just_before_the_timeout_keeps_its_end(client, worker, clock):
    client.start({"source": SOURCE, "using": [TIMEOUT]})
    wrapper = worker.take(is_wrapper=True)
    late = LateClient(client.home, started_by="test")
    late.starts_engine = False
    limit = PlayedWrapper(
        shipped_handler("timeout"), Execution(late, wrapper.execution_id)
    )
    child = worker.take()
    late.first = lambda: worker.succeed(child)
    until(lambda: wrapper.load("status") == "WAITING")

    clock.move(seconds=61)

    assert isinstance(limit.join(), ExecutionSuccess)
    limit.stop()
    late.close()


@pytest.mark.parametrize(
    ("is_cancelled", "status"), [(True, S.ENDED_CANCELLED), (False, S.ENDED_ERROR)]
)
def test_a_refusal_after_a_cancel_is_no_error_of_the_wrapper(
    client, worker, is_cancelled, status
):
    """Its worker does not know of the cancel when the cell raises."""
    root = client.start({"source": SOURCE, "using": [TIMEOUT]})
    wrapper = worker.take(is_wrapper=True)
    if is_cancelled:
        client.act(root.execution_id, "cancel")
        played = PlayedWrapper(shipped_handler("timeout"), wrapper)
        assert isinstance(played.join(), MoveNotAllowed)
        played.stop()

    error = {"name": "MoveNotAllowed", "message": "No."}
    payload = {"status": S.ENDED_ERROR, "status_message": "No.", "error": error}
    worker.report(wrapper, EventKind.ENDED, **payload)

    message = "Cancelled by cron (test)." if is_cancelled else "No."
    assert wrapper.load("status", "message") == (status, message)
