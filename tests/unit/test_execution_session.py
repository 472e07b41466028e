"""A failed execution in its worker: parked until a person decides, or its kernel is lost."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from flowkernel.core.models import Decision, DecisionVerb, EventKind, Failure
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.worker import event_loops
from flowkernel.worker.reporting import execution_session
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession
from tests.conftest import until

K = EventKind
FAILED = ExecutionEnd(status=S.ENDED_ERROR, message="No.")
FAILURE = Failure(source="1 / 0")
RETRY = Decision(verb=DecisionVerb.RETRY_CELL, decision_id="1")


class ParkedSession:
    """A session whose kernel is kept; `park` waits in a thread of its own."""

    def __init__(self):
        self.reports, self.exit_code = [], None
        link = SimpleNamespace(
            report=lambda _id, _attempt, kind, **payload: self.reports.append(
                (kind, payload)
            )
        )
        self.session = ExecutionSession(
            link, "e", log_limit=10, cancel_grace=1.0, parks=True
        )
        process = SimpleNamespace(poll=lambda: self.exit_code)
        self.session._manager = SimpleNamespace(
            provisioner=SimpleNamespace(process=process)
        )
        self.decisions = []
        self.park()

    def park(self):
        self.thread = threading.Thread(
            target=lambda: self.decisions.append(self.session.park(FAILED, FAILURE))
        )
        self.thread.start()
        until(lambda: self.session.is_parked)

    def decision(self):
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.decisions[-1]

    def kinds(self):
        return [kind for kind, _ in self.reports]


@pytest.fixture
def parked():
    parked = ParkedSession()
    yield parked
    parked.session.cancel()
    parked.decision()


def test_it_goes_on_as_a_person_decided(parked):
    parked.session.resume(RETRY)

    assert parked.decision() == RETRY
    assert parked.kinds() == [K.FAILED]


def test_a_decision_that_comes_again_is_not_followed_again(parked):
    """The engine may not know yet that the cell has failed once more."""
    parked.session.resume(RETRY)
    parked.decision()
    parked.park()

    parked.session.resume(RETRY)
    parked.session.resume(None)

    assert parked.session.is_parked
    parked.session.resume(replace(RETRY, decision_id="2"))
    assert parked.decision().decision_id == "2"


def test_a_parked_kernel_that_ends_is_reported_as_lost(parked):
    parked.exit_code = -9

    assert parked.decision() is None
    _, loss, failure = parked.reports
    assert loss == (K.KERNEL_LOST, {"why": "Its kernel ended."})
    # If a person has just decided to go on, the first is refused, and this is not.
    kind, payload = failure
    assert (kind, payload["is_parked"]) == (K.FAILED, False)
    assert payload["failure"] == {"source": "1 / 0", "kernel_lost": "Its kernel ended."}


def test_a_kernel_is_not_released_after_the_decision(parked):
    parked.session.resume(RETRY)

    parked.session.release_kernel("Newer ones needed its place.")

    assert parked.decision() == RETRY
    assert parked.kinds() == [K.FAILED]


def test_a_cancel_ends_the_wait(parked):
    parked.session.cancel()

    assert parked.decision() is None
    assert parked.kinds() == [K.FAILED]


def test_the_limits_are_checked_as_soon_as_a_kernel_is_parked(parked):
    """Not only at the next poll. The new one may be the one that goes."""
    parked.session.resume(RETRY)
    parked.decision()
    parked.session.on_parked = lambda: parked.session.release_kernel("It is too large.")

    assert parked.session.park(FAILED, FAILURE) is None

    assert parked.kinds() == [K.FAILED, K.FAILED, K.KERNEL_LOST, K.FAILED]


def test_a_kernel_that_is_not_kept_is_reported_as_lost_at_once(parked):
    parked.session.resume(RETRY)
    parked.decision()
    parked.session.no_parking_reason = "None is kept."

    assert parked.session.park(FAILED, FAILURE) is None
    assert parked.session.ending == FAILED
    kind, payload = parked.reports[-1]
    assert (kind, payload["is_parked"]) == (K.FAILED, False)
    assert payload["failure"] == {"source": "1 / 0", "kernel_lost": "None is kept."}


@pytest.fixture
def no_threads(monkeypatch):
    """The system starts no thread, until the test clears the list."""
    failures = [RuntimeError("can't start new thread")]

    def start():
        if failures:
            raise failures[0]

    monkeypatch.setattr(execution_session, "start_background", start)
    return failures


class Signals:
    """Takes what would be sent to a kernel."""

    def __init__(self):
        self.names = []

    def __call__(self, coroutine):
        self.names.append(coroutine.__name__)
        coroutine.close()


@pytest.mark.parametrize(
    ("action", "signal"), [("cancel", "_interrupt"), ("drop", "_kill")]
)
def test_what_could_not_be_signalled_is_signalled_at_the_next_request(
    no_threads, monkeypatch, action, signal
):
    signals = Signals()
    monkeypatch.setattr(execution_session, "in_background", signals)
    session = ExecutionSession(None, "e", log_limit=10, cancel_grace=1.0)

    with pytest.raises(RuntimeError, match="can't start"):
        getattr(session, action)()
    assert not session.is_stopping

    no_threads.clear()
    getattr(session, action)()
    getattr(session, action)()

    assert session.is_stopping
    assert signals.names == [signal]


@pytest.mark.parametrize("error", [OSError(24, "no file"), psutil.NoSuchProcess(1)])
def test_memory_that_cannot_be_looked_at_counts_as_none(monkeypatch, error):
    def fail(_pid):
        raise error

    monkeypatch.setattr(execution_session.psutil, "Process", fail)
    session = ExecutionSession(None, "e", log_limit=10, cancel_grace=1.0)
    session._manager = SimpleNamespace(provisioner=SimpleNamespace(pid=1))

    assert session.kernel_memory() == 0


def test_a_thread_that_could_not_start_leaves_no_event_loop(monkeypatch):
    loops = []

    class NoThread:
        def __init__(self, target, **_options):
            loops.append(target.__self__)

        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(event_loops.threading, "Thread", NoThread)

    with pytest.raises(RuntimeError, match="can't start"):
        event_loops._start_background_loop()

    assert loops[0].is_closed()


def test_a_kernel_that_is_kept_for_ages_has_an_end_all_the_same():
    reports = []
    link = SimpleNamespace(
        report=lambda _id, _attempt, kind, **payload: reports.append((kind, payload))
    )
    session = ExecutionSession(
        link, "e", log_limit=10, cancel_grace=1.0, keep_seconds=1e300
    )

    session.end(ExecutionEnd(status=S.ENDED_SUCCESS), is_kept=True)

    [(kind, payload)] = reports
    assert (kind, payload["status"]) == (K.ENDED, S.ENDED_SUCCESS)
    assert payload["parked_until"]
