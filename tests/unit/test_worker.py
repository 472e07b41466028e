"""How a worker starts, and goes on when the system gives it no thread."""

import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest

from flowkernel.config import Config
from flowkernel.core.errors import EngineStopped
from flowkernel.core.models import EventKind, FlowKind, FlowVersion
from flowkernel.home import Home
from flowkernel.worker import worker as worker_module
from flowkernel.worker.reporting.assignment_poller import ACTIONS
from flowkernel.worker.worker import NO_LONGER_KEPT, NO_THREADS, Worker
from tests.records import an_execution


class NoThread:
    def __init__(self, **_options):
        pass

    def start(self):
        raise RuntimeError("can't start new thread")


class Engine:
    """Assigns one execution, and keeps what the worker says."""

    def __init__(self, assignment):
        self.polls = []
        self.starts = [[assignment], []]
        self.actions = {action: [] for action in ACTIONS}

    def poll(self, attempts, paused, more):
        self.polls.append((attempts, more))
        return {**self.actions, "start": self.starts.pop(0), "stop": False}


@pytest.fixture
def assignment():
    execution = an_execution(losses=1)
    version = FlowVersion(
        flow_version="v1", flow_name="report", kind=FlowKind.CELL, source="1"
    )
    return {"execution": execution.to_json(), "version": version.to_json()}


@pytest.fixture
def worker(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "START_AGAIN_SECONDS", 0.0)
    worker = Worker(Home(tmp_path), Config(), "w")
    yield worker
    worker.link.close(0)


def test_what_has_no_thread_is_given_back_with_the_reason(
    worker, assignment, monkeypatch
):
    engine = worker.poller.link = Engine(assignment)
    threading = SimpleNamespace(Thread=NoThread)
    monkeypatch.setattr(worker_module, "threading", threading)

    worker.poller.poll()
    worker.poller.poll()

    assert worker.poller.sessions == {}
    attempts, more = engine.polls[-1]
    start = {"attempt": 2, "why": "can't start new thread"}
    assert attempts == {}
    assert more["failed_starts"] == {assignment["execution"]["execution_id"]: start}
    assert (more["capacity"], more["capacity_reason"]) == (0, NO_THREADS)


def test_a_failed_start_is_said_until_an_engine_has_heard_it(worker):
    worker.poller.fail_start("e", 1, "no")
    replies = []

    def poll(attempts, paused, more):
        replies.append(more.get("failed_starts"))
        if len(replies) == 1:
            raise OSError("away")
        return {**{action: [] for action in ACTIONS}, "start": [], "stop": False}

    worker.poller.link = SimpleNamespace(poll=poll)
    with pytest.raises(OSError, match="away"):
        worker.poller.poll()
    worker.poller.poll()
    worker.poller.poll()

    start = {"e": {"attempt": 1, "why": "no"}}
    assert replies == [start, start, None]


@pytest.fixture
def without_waits(monkeypatch):
    monkeypatch.setattr(worker_module, "RETRY_SECONDS", 0.0)


def holding(worker, **methods):
    """A worker that has one run."""
    session = SimpleNamespace(
        attempt=1, is_paused=False, is_parked=False, execution_id="e", **methods
    )
    worker.poller.sessions["e"] = session
    return session


FLAWS = [OSError(errno.EMFILE, "x"), RuntimeError("no thread"), KeyError("start")]


@pytest.mark.parametrize("error", FLAWS)
def test_a_worker_that_has_runs_polls_again_after_any_error(
    worker, without_waits, error
):
    holding(worker, drop=lambda: None)
    replies = iter([error] * 5)

    def poll():
        if failure := next(replies, None):
            raise failure
        worker.poller.is_stopped = True
        worker.poller.sessions.clear()

    worker.poller.poll = poll
    worker.work()

    assert worker.poller.is_stopped


@pytest.mark.parametrize("error", FLAWS)
def test_a_worker_without_runs_ends_if_it_cannot_poll(worker, without_waits, error):
    polls = []

    def poll():
        polls.append(1)
        raise error

    worker.poller.poll = poll
    worker.work()

    assert len(polls) == worker_module.POLL_TRIES


def test_what_means_the_end_ends_a_worker(worker):
    def poll():
        raise KeyboardInterrupt

    worker.poller.poll = poll

    with pytest.raises(KeyboardInterrupt):
        worker.work()


def test_a_worker_that_cannot_look_at_its_files_takes_nothing_more(
    worker, without_waits, monkeypatch
):
    def fail(_held):
        raise OSError(errno.EMFILE, "Too many open files")

    holding(worker)
    engine = worker.poller.link = Engine(None)
    engine.starts = [[]]
    monkeypatch.setattr(worker_module, "measure_capacity", fail)

    worker.poller.poll()

    [(_, more)] = engine.polls
    assert more["capacity"] == 1
    assert "Too many open files" in more["capacity_reason"]


def test_a_stopped_engine_is_not_started_though_a_run_cannot_be_dropped(
    worker, without_waits
):
    failures = [RuntimeError("no thread")]

    def drop():
        if failures:
            raise failures.pop()
        worker.poller.sessions.clear()

    starts = []

    def poll():
        starts.append(worker.client.starts_engine)
        raise EngineStopped("It is stopped.")

    holding(worker, drop=drop)
    worker.poller.poll = poll
    worker.work()

    assert starts == [True, False]


def test_what_cannot_be_started_is_given_back_and_the_others_are_served(worker):
    broken = {"execution": {"execution_id": "b", "losses": 2}}
    requests = []
    holding(worker, cancel=lambda: requests.append("cancel"))
    engine = worker.poller.link = Engine(broken)
    engine.actions["cancel"] = ["e"]
    worker.poller.poll()
    engine.actions["cancel"] = []
    worker.poller.poll()

    assert requests == ["cancel"]
    _, more = engine.polls[-1]
    assert more["failed_starts"]["b"]["attempt"] == 3


@pytest.mark.kernel
def test_a_worker_makes_no_grammar_as_it_starts():
    source = "import sys; from flowkernel.worker.__main__ import forgo_grammar; forgo_grammar()"
    source += "; import papermill; print('lark' in sys.modules)"

    output = subprocess.check_output([sys.executable, "-c", source], text=True)

    assert output.strip() == "False"


def test_a_kernel_that_can_be_kept_no_longer_is_reported(worker, monkeypatch):
    """Whatever goes wrong: else the record says for ever that it is kept."""
    reports = []
    session = SimpleNamespace(
        execution_id="e",
        attempt=1,
        is_dropped=False,
        is_kernel_alive=True,
        report=lambda kind, **payload: reports.append((kind, payload)),
    )

    def fail():
        raise OSError(errno.EMFILE, "no file")

    monkeypatch.setattr(worker.link, "flush", lambda _seconds: True)
    monkeypatch.setattr(worker, "_evict_kernels", fail)

    with pytest.raises(OSError, match="no file"):
        worker._keep_kernel(session, lambda: None)

    assert worker.poller.kept_kernels == {}
    [(kind, payload)] = reports
    assert (kind, payload["why"]) == (EventKind.KERNEL_LOST, NO_LONGER_KEPT)
