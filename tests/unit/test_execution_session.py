"""A failed execution in its worker: parked until somebody decides, or its kernel is gone."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from flowkernel.core.models import Decision, DecisionVerb, EventKind, Failure
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession
from tests.conftest import until

K = EventKind
FAILED = ExecutionEnd(status=S.ENDED_ERROR, message="No.")
FAILURE = Failure(source="1 / 0")
RETRY = Decision(verb=DecisionVerb.RETRY_CELL, decision_id="1")


class Parked:
    """A run whose kernel is kept, in a thread of its own."""

    def __init__(self):
        self.said, self.exit_code = [], None
        link = SimpleNamespace(
            report=lambda _id, kind, **said: self.said.append((kind, said))
        )
        self.run = ExecutionSession(
            link, "e", log_limit=10, cancel_grace=1.0, parks=True
        )
        process = SimpleNamespace(poll=lambda: self.exit_code)
        self.run._manager = SimpleNamespace(
            provisioner=SimpleNamespace(process=process)
        )
        self.came = []
        self.park()

    def park(self):
        self.thread = threading.Thread(
            target=lambda: self.came.append(self.run.park(FAILED, FAILURE))
        )
        self.thread.start()
        until(lambda: self.run.is_parked)

    def joined(self):
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.came[-1]

    def kinds(self):
        return [kind for kind, _ in self.said]


@pytest.fixture
def parked():
    parked = Parked()
    yield parked
    parked.run.cancel()
    parked.joined()


def test_it_goes_on_as_somebody_decided(parked):
    parked.run.resume(RETRY)

    assert parked.joined() == RETRY
    assert parked.kinds() == [K.FAILED]


def test_a_decision_that_is_told_again_is_not_followed_again(parked):
    """The engine may not know yet that the cell has failed once more."""
    parked.run.resume(RETRY)
    parked.joined()
    parked.park()

    parked.run.resume(RETRY)
    parked.run.resume(None)

    assert parked.run.is_parked
    parked.run.resume(replace(RETRY, decision_id="2"))
    assert parked.joined().decision_id == "2"


def test_a_kernel_that_ends_meanwhile_is_said_to_be_lost(parked):
    parked.exit_code = -9

    assert parked.joined() is None
    _, lost, failed = parked.said
    assert lost == (K.KERNEL_LOST, {"why": "Its kernel ended."})
    # In case it was just decided to go on: then the first is refused, and this is not.
    kind, said = failed
    assert (kind, said["is_parked"]) == (K.FAILED, False)
    assert said["failure"] == {"source": "1 / 0", "kernel_lost": "Its kernel ended."}


def test_there_is_no_room_for_it_once_it_is_decided(parked):
    parked.run.resume(RETRY)

    parked.run.give_up("Newer ones needed its place.")

    assert parked.joined() == RETRY
    assert parked.kinds() == [K.FAILED]


def test_a_cancel_ends_the_waiting(parked):
    parked.run.cancel()

    assert parked.joined() is None
    assert parked.kinds() == [K.FAILED]


def test_room_is_made_for_it_as_soon_as_it_is_parked(parked):
    """Not only when the limits are looked at the next time; it may be the one that goes."""
    parked.run.resume(RETRY)
    parked.joined()
    parked.run.make_room = lambda: parked.run.give_up("It is too large.")

    assert parked.run.park(FAILED, FAILURE) is None

    assert parked.kinds() == [K.FAILED, K.FAILED, K.KERNEL_LOST, K.FAILED]


def test_a_kernel_that_is_not_to_be_kept_is_said_to_be_gone_at_once(parked):
    parked.run.resume(RETRY)
    parked.joined()
    parked.run.unkept = "None is kept."

    assert parked.run.park(FAILED, FAILURE) is None
    assert parked.run.ending == FAILED
    kind, said = parked.said[-1]
    assert (kind, said["is_parked"]) == (K.FAILED, False)
    assert said["failure"] == {"source": "1 / 0", "kernel_lost": "None is kept."}
