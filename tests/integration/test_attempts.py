"""What a worker says of one attempt at a run never counts for the next one."""

from functools import partial

import pytest

from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind, OnLost
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.dispatch import sweeper
from flowkernel.engine.dispatch.worker_lease import FailedStart
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.prompts.wrapper_requests import PromptRequest, send_prompt
from flowkernel.engine.start_plan import StartRequest
from tests.integration.late_engine import LateEngine, SteppedCall

S = ExecutionStatus
K = EventKind


@pytest.fixture
def engine(tmp_path):
    engine = LateEngine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture(params=["this version", "an older version"])
def says_attempts(request):
    return request.param == "this version"


class RestlessWorker:
    """A worker that can be silent for long, and then comes back."""

    def __init__(self, engine, *, says_attempts=True):
        self.engine, self.says_attempts = engine, says_attempts
        self.attempts = {}

    def poll(self):
        held = {
            id_: attempt if self.says_attempts else None
            for id_, attempt in self.attempts.items()
        }
        self.engine.settle()
        reply = self.engine.poll("w", held, set())
        self.engine.settle()
        for assignment in reply["start"]:
            execution = assignment["execution"]
            self.attempts[execution["execution_id"]] = execution["losses"] + 1
        return reply

    def take(self):
        """The run that it gets, once it has polled for it."""
        for _ in range(3):
            self.poll()
        [execution_id] = self.attempts
        return execution_id

    def is_silent(self):
        """It does not poll until it counts as lost."""
        self.engine.lose_workers([])
        self.engine.settle()

    def report(self, event, attempt):
        report = WorkerReport(event, attempt if self.says_attempts else None)
        return accept(self.engine.service, "w", [report])


@pytest.fixture
def worker(engine, says_attempts):
    engine.service.start(StartRequest(flow="f"))
    engine.settle()
    return RestlessWorker(engine, says_attempts=says_attempts)


def test_a_worker_that_comes_back_drops_its_old_attempt_before_it_gets_the_next(
    engine, worker
):
    execution_id = worker.take()
    worker.is_silent()

    reply = worker.poll()
    assert (reply["drop"], reply["start"]) == ([execution_id], [])
    assert engine.store.live[execution_id].status is S.QUEUED

    worker.attempts.clear()
    assert worker.take() == execution_id
    assert worker.attempts[execution_id] == 2
    assert worker.poll()["drop"] == []


def test_a_worker_that_reports_before_it_polls_gets_nothing_yet(engine, worker):
    """It has not said what it still holds."""
    execution_id = worker.take()
    worker.is_silent()

    engine.note_worker("w")
    engine.run(engine.dispatcher.grant_slots)
    engine.settle()

    assert engine.store.live[execution_id].status is S.QUEUED
    assert worker.poll()["drop"] == [execution_id]


def test_a_late_end_of_an_old_attempt_does_not_count(engine, worker):
    execution_id = worker.take()
    end = partial(make_event, execution_id, K.ENDED, "w", status=S.ENDED_ERROR)
    late = end()
    worker.is_silent()
    worker.attempts.clear()
    worker.take()

    assert worker.report(late, 1) == [late.event_id]
    assert engine.store.live[execution_id].status is S.RUNNING

    assert worker.report(end(), 2) == []
    assert execution_id not in engine.store.live


def test_an_old_attempt_that_a_worker_lists_is_dropped_and_leaves_the_new_one_alone(
    engine,
):
    engine.service.start(StartRequest(flow="f"))
    worker = RestlessWorker(engine)
    execution_id = worker.take()
    worker.is_silent()
    worker.attempts.clear()
    worker.take()

    reply = engine.poll("w", {execution_id: 1}, {execution_id})

    assert (reply["drop"], reply["start"], reply["resume"]) == ([execution_id], [], [])
    execution = engine.store.live[execution_id]
    assert (execution.status, execution.attempt) == (S.RUNNING, 2)


@pytest.mark.parametrize("on_lost", OnLost)
def test_what_a_worker_could_not_start_is_queued_again_a_few_times(engine, on_lost):
    """Nothing of it ran: it does not matter whether it may run twice."""
    flow = Flow(name="g", kind=FlowKind.CELL, source="1", on_lost=on_lost)
    engine.service.register(flow)
    execution_id = engine.service.start(StartRequest(flow="g")).execution_id
    losses = []

    for attempt in (1, 2, 3):
        RestlessWorker(engine).take()
        failed = {execution_id: FailedStart(attempt, "no thread")}
        engine.poll("w", {}, set(), failed_starts=failed)
        engine.settle()
        losses.append(engine.store.get_execution(execution_id).losses)

    assert losses == [1, 2, 2]
    execution = engine.store.get_execution(execution_id)
    assert execution.status is S.ENDED_ERROR
    assert execution.status_message == (
        "Its worker could not start it (no thread), at try 3; it is not run again."
    )


def test_a_failed_start_of_an_old_attempt_does_not_count(engine, worker):
    execution_id = worker.take()
    worker.is_silent()
    worker.attempts.clear()
    worker.take()

    failed = {execution_id: FailedStart(1, "no thread")}
    engine.poll("w", {execution_id: 2}, set(), failed_starts=failed)
    engine.settle()

    execution = engine.store.live[execution_id]
    assert (execution.status, execution.attempt) == (S.RUNNING, 2)


def test_a_failure_has_one_prompt_however_its_wrapper_asks(engine):
    """It asks twice at the same time: nothing of the first request is recorded yet."""
    service = engine.service
    wrapper_id = service.start(StartRequest(flow="f")).execution_id
    request = StartRequest(flow="f", parent_id=wrapper_id, parks=True)
    child_id = service.start(request).execution_id
    failure = {"status_message": "No.", "is_parked": True}
    for execution_id in (wrapper_id, child_id):
        engine.store.append([make_event(execution_id, K.STARTED, worker="w")])
    engine.store.append([make_event(child_id, K.FAILED, "w", **failure)])

    calls = []
    for _ in range(2):
        prompt = PromptRequest(about_id=child_id)
        send = partial(send_prompt, engine.inbox, wrapper_id, prompt, None)
        calls.append(SteppedCall("a prompt", send))
        calls[-1].go_on()  # As far as to its write.
    assert not any(call.is_over for call in calls)
    for call in calls:
        while not call.is_over:
            call.go_on()

    assert calls[0].value == calls[1].value
    assert len(engine.store.messages_of(wrapper_id)) == 1


def test_a_living_worker_that_finds_the_next_engine_late_keeps_what_it_has(
    engine, monkeypatch
):
    engine.service.start(StartRequest(flow="f"))
    worker = RestlessWorker(engine)
    execution_id = worker.take()
    monkeypatch.setattr(sweeper, "named_in_processes", lambda ids: ids & {"w"})

    engine.restart()
    engine.lose_workers([])  # A lease is over.
    engine.settle()

    assert worker.poll()["drop"] == []
    assert engine.store.live[execution_id].losses == 0


def test_a_dead_worker_of_the_last_engine_is_lost_after_its_lease(engine):
    engine.service.start(StartRequest(flow="f"))
    execution_id = RestlessWorker(engine).take()

    engine.restart()
    engine.lose_workers([])
    engine.settle()

    assert engine.store.live[execution_id].losses == 1


def test_no_two_attempts_share_an_output_notebook(engine, worker):
    """The worker of the first one may still save, before it hears that it has lost the run."""
    execution_id = worker.take()
    first = engine.store.live[execution_id].notebook_path
    worker.is_silent()
    worker.attempts.clear()
    worker.take()

    second = engine.store.live[execution_id].notebook_path

    assert first.endswith(f"-{execution_id}.ipynb")
    assert second == first.replace(".ipynb", "-2.ipynb")
