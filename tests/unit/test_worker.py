"""How a worker starts, and goes on when the system gives it no thread."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from flowkernel.config import Config
from flowkernel.core.models import FlowKind, FlowVersion
from flowkernel.home import Home
from flowkernel.worker import worker as worker_module
from flowkernel.worker.reporting.assignment_poller import ACTIONS
from flowkernel.worker.worker import NO_THREADS, Worker
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
        self._starts = [[assignment], []]

    def poll(self, attempts, paused, more):
        self.polls.append((attempts, more))
        actions = {action: [] for action in ACTIONS}
        return {**actions, "start": self._starts.pop(0), "stop": False}


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


def test_a_worker_makes_no_grammar_as_it_starts():
    source = "import sys; from flowkernel.worker.__main__ import forgo_grammar; forgo_grammar()"
    source += "; import papermill; print('lark' in sys.modules)"

    output = subprocess.check_output([sys.executable, "-c", source], text=True)

    assert output.strip() == "False"
