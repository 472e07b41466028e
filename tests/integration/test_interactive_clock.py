"""Every arrow of interactive mode, with a clock that the test moves.

start flow -> monitor execution -> end success
                                -> check user activity -> end error
                                                       -> message -> start flow
                                                                  -> end error (fail, time-out)

The wrapper's handler is the one that ships; the engine is a real one. Played are the kernels.
"""

import re

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import NotOpen
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import DependencyTimeoutError, Execution
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
)
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
LIMIT = 10  #: Minutes.
USING = {"name": "interactive", "inputs": {"interactive_limit_minutes": LIMIT}}


@pytest.fixture
def client(own_home, clock):
    """A client of an engine in this process, whose clock is the test's."""
    with engine_in_process(own_home, PATIENT) as client:
        yield client


@pytest.fixture
def worker(client):
    return PlayedWorker(client)


@pytest.fixture
def person(client):
    """A person who does something now."""

    def person(name="ada", channel="notebook"):
        own_client = Client(client.home, started_by=f"{name} (test)")
        own_client.channel, own_client.starts_engine = channel, False
        own_client.get("/flow")
        return own_client

    return person


class Stage:
    """One flow in `interactive`: its wrapper, which runs, and its first try."""

    def __init__(self, client, worker, **request):
        request = {"source": SOURCE, "using": [USING], **request}
        self.client, self.worker = client, worker
        self.root = Execution(client, client.start(request).execution_id)
        self.wrapper = PlayedWrapper(
            shipped_handler("interactive"), worker.take(is_wrapper=True)
        )
        self.child = worker.take()

    def end(self):
        """Wait until the handler ends, and report its end; the type of its error."""
        error = self.wrapper.join()
        ends = {ExecutionSuccess: S.ENDED_SUCCESS, ExecutionCancel: S.ENDED_CANCELLED}
        status = ends.get(type(error), S.ENDED_ERROR)
        payload = {"status": status, "status_message": str(error) or None}
        self.worker.report(self.wrapper.execution, EventKind.ENDED, **payload)
        return type(error)

    def prompt(self):
        """The open prompt; waits for it."""
        [message] = until(lambda: self.client.get("/message", is_open="true"))
        return message

    def answer(self, **response):
        """Answer the prompt, as Ada."""
        ada = Client(self.client.home, started_by="ada (test)")
        ada.starts_engine = False
        message_id = self.prompt()["message_id"]
        return ada.answer(message_id, response, answered_from="notebook")

    def decisions(self):
        """The decisions on the tries: verb, person, place and reason."""
        rows = self.client.sql(
            "SELECT payload->>'verb', actor, payload->>'decided_from', payload->>'why' "
            "FROM event WHERE kind = 'decided' ORDER BY seq"
        )["rows"]
        return [tuple(row) for row in rows]


@pytest.fixture
def begin(client, worker):
    """Start a flow in `interactive`."""
    stages = []

    def begin(**request):
        stages.append(Stage(client, worker, **request))
        return stages[-1]

    yield begin
    for stage in stages:
        stage.wrapper.stop()


# -- start flow, monitor execution ------------------------------------------------------


def test_it_starts_the_flow_and_waits_for_it(begin):
    stage = begin(inputs={"day": 1})

    assert stage.child.get("inputs", "parks") == ({"day": 1}, True)
    until(lambda: stage.root.load("status") == S.WAITING)
    assert stage.root.get("message") == "Waiting for 'sums'."


def test_success_ends_it_with_success(begin, worker, client):
    stage = begin()
    client.post(f"/execution/{stage.child.execution_id}/output", {"output": {"n": 3}})

    worker.succeed(stage.child)

    assert stage.end() is ExecutionSuccess
    assert stage.root.load("status", "output") == (S.ENDED_SUCCESS, {"n": 3})
    assert client.get("/message") == []


# -- check user activity ----------------------------------------------------------------


def test_without_a_person_it_ends_with_the_error_at_once(begin, worker, client):
    stage = begin()

    worker.fail(stage.child)

    assert stage.end() is ExecutionError
    assert stage.root.load("message") == (
        "Cell 2 of 3: NameError: name 'amount' is not defined. "
        "Nobody was there to be asked."
    )
    assert client.get("/message") == []
    [(verb, actor, _, reason)] = stage.decisions()
    assert (verb, reason) == ("fail", "Nobody was there to be asked.")
    assert actor == client.started_by


def test_a_person_at_the_limit_is_asked(begin, worker, person, clock):
    """The limit is inclusive."""
    stage = begin()
    clock.stop()
    person()
    clock.move(minutes=LIMIT)

    worker.fail(stage.child)

    assert stage.prompt()["about_id"] == stage.child.execution_id


def test_a_person_a_second_beyond_the_limit_is_not_asked(begin, worker, person, clock):
    stage = begin()
    person()
    clock.move(minutes=LIMIT, seconds=1)

    worker.fail(stage.child)

    assert stage.end() is ExecutionError


@pytest.mark.parametrize(
    "channel", ["notebook", "command line", "panel", "REST"], ids=str
)
def test_every_sign_of_a_person_counts_and_is_recorded(begin, worker, person, channel):
    """A cell, a command, the panel, or a REST request of a person."""
    stage = begin()
    person("bob", channel)

    worker.fail(stage.child)

    prompt = stage.prompt()
    [[attended]] = stage.client.sql(
        "SELECT payload->'attended' FROM event WHERE kind = 'message_sent'"
    )["rows"]
    assert f'"person":"bob","channel":"{channel}"' in attended.replace(
        ", ", ","
    ).replace(": ", ":")
    assert prompt["message_type"] == "ERROR"


def test_an_answer_is_a_sign_of_a_person(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    stage.prompt()
    clock.move(minutes=LIMIT - 1)
    stage.answer(retry=True)
    second_try = worker.take()
    clock.move(minutes=LIMIT - 1)

    worker.fail(second_try)

    assert stage.prompt()["about_id"] == second_try.execution_id


# -- create message for users -----------------------------------------------------------


def test_retry_starts_the_flow_again(begin, worker, person):
    stage = begin(inputs={"day": 1})
    person()
    worker.fail(stage.child)

    stage.answer(retry=True)

    second_try = worker.take()
    assert second_try.get("retry_of", "inputs") == (
        stage.child.execution_id,
        {"day": 1},
    )
    worker.succeed(second_try)
    assert stage.end() is ExecutionSuccess
    assert stage.child.load("status", "is_archived") == (S.ENDED_ERROR, True)
    assert stage.decisions() == [("retry", "ada", "notebook", None)]


def run_time_in(prompt):
    """In seconds: those that the test moves the clock by, and what the machine takes."""
    return float(re.search(r"It ran for (.+?) s\.", prompt["message"])[1])


def test_the_run_time_does_not_count_answer_time(begin, worker, person, clock):
    stage = begin()
    clock.move(seconds=30)
    person()
    worker.fail(stage.child)
    assert 30 <= run_time_in(stage.prompt()) < 40
    until(lambda: stage.root.load("status") == S.WAITING)
    clock.move(minutes=5)
    person()
    stage.answer(retry_cell=True)
    until(lambda: stage.child.load("status") == S.RUNNING)
    clock.move(seconds=20)

    worker.fail(stage.child)

    assert 50 <= run_time_in(stage.prompt()) < 60


def test_earlier_tries_are_not_archived_on_request(begin, worker, person):
    inputs = {**USING["inputs"], "archive_retries": False}
    stage = begin(using=[{**USING, "inputs": inputs}])
    person()
    worker.fail(stage.child)

    stage.answer(retry=True)

    worker.take()
    assert stage.child.load("is_archived") is False


def test_fail_ends_it_with_the_error(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)

    stage.answer(fail=True)

    assert stage.end() is ExecutionError
    expected = "Cell 2 of 3: NameError: name 'amount' is not defined"
    assert stage.root.load("status", "message") == (S.ENDED_ERROR, expected)
    assert stage.decisions() == [("fail", "ada", "notebook", None)]


def test_without_an_answer_in_time_it_ends_with_the_error(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    prompt = stage.prompt()
    clock.move(minutes=LIMIT, seconds=-30)
    assert stage.prompt() == prompt

    clock.move(seconds=31)

    assert stage.end() is ExecutionError
    assert stage.root.load("message").endswith("Nobody answered in time.")
    message = stage.client.get(f"/message/{prompt['message_id']}")
    assert (message["status"], message["closed_why"]) == (
        "TIMED_OUT",
        "Nobody answered in time.",
    )
    with pytest.raises(NotOpen, match="Nobody answered in time"):
        stage.client.answer(prompt["message_id"], {"retry": True}, answered_from="x")
    [(verb, _, _, reason)] = stage.decisions()
    assert (verb, reason) == ("fail", "Nobody answered in time.")


def test_an_interactive_run_waits_without_a_limit(begin, worker, clock):
    stage = begin(is_interactive=True)
    worker.fail(stage.child)
    prompt = stage.prompt()

    clock.move(days=400)

    assert stage.prompt() == prompt
    assert prompt["expires_at"] is None
    stage.answer(fail=True)
    assert stage.end() is ExecutionError


def test_each_try_checks_again_whether_a_person_is_there(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    stage.answer(retry=True)
    second_try = worker.take()
    clock.move(hours=1)

    worker.fail(second_try)

    assert stage.end() is ExecutionError
    assert [verb for verb, *_ in stage.decisions()] == ["retry", "fail"]


# -- without a decision -----------------------------------------------------------------


def test_the_prompt_of_a_cancelled_child_is_closed(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)
    prompt = stage.prompt()

    stage.child.cancel()
    until(lambda: stage.child.execution_id in worker.poll()["cancel"])
    worker.report(stage.child, EventKind.ENDED, status=S.ENDED_CANCELLED)

    assert stage.end() is ExecutionCancel
    message = stage.client.get(f"/message/{prompt['message_id']}")
    reason = "'sums' ended before this was answered."
    assert (message["status"], message["closed_why"]) == ("CLOSED", reason)


def test_the_prompt_says_that_the_kernel_is_lost(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)
    first_prompt = stage.prompt()
    assert {"retry_cell", "skip", "source"} <= first_prompt["body"]["properties"].keys()

    worker.report(stage.child, EventKind.KERNEL_LOST, why="Its kernel ended.")
    worker.release(stage.child)

    until(lambda: stage.prompt()["message"] != first_prompt["message"])
    changed_prompt = stage.prompt()
    sentence = (
        "Retry cell is no longer possible. Its kernel ended. Retry from start still is."
    )
    assert changed_prompt["message_id"] == first_prompt["message_id"]
    assert changed_prompt["message"].endswith(f"**{sentence}**")
    assert list(changed_prompt["body"]["properties"]) == ["retry", "fail", "cancel_all"]
    rows = stage.client.sql("SELECT message, body FROM message")["rows"]
    assert [[sentence in text, "retry_cell" in body] for text, body in rows] == [
        [True, False]
    ]
    # A form that was shown before still has its fields.
    stage.answer(retry=True, source="total = 1", values={"total": 1})
    assert worker.take().get("retry_of") == stage.child.execution_id


# -- a flow's own time limits -----------------------------------------------------------


def test_a_time_limit_around_it_does_not_count_answer_time(
    client, worker, person, clock
):
    """timeout(interactive(flow)): 60 s for the flow, however long Ada needs."""
    outer = {"name": "timeout", "inputs": {"timeout_sec": 60}}
    client.start({"source": SOURCE, "using": [outer, USING]})
    limit = PlayedWrapper(shipped_handler("timeout"), worker.take(is_wrapper=True))
    inner, child = worker.take(is_wrapper=True), None
    body = {"wrapped_of": inner.execution_id, "parent_id": inner.execution_id}
    client.start({**body, "call_key": "wrapped", "parks": True, "inputs": {}})
    child = worker.take()
    clock.move(seconds=50)
    worker.fail(child)
    request = {"about_id": child.execution_id}
    prompt = client.post(f"/execution/{inner.execution_id}/prompt", request)
    wait_request = {"message": prompt["message_id"], "is_flow": True, "seconds": 0}
    client.post(f"/execution/{inner.execution_id}/wait", wait_request)
    until(lambda: inner.load("status") == S.WAITING)

    clock.move(hours=5)
    ada = person()
    until(lambda: answer_time(client, limit.execution)["is_now"])
    assert limit.ended is None
    ada.answer(prompt["message_id"], {"retry_cell": True}, answered_from="notebook")
    client.post(
        f"/execution/{inner.execution_id}/wait", {**wait_request, "is_last": True}
    )
    until(lambda: not answer_time(client, limit.execution)["is_now"])
    assert limit.ended is None
    clock.move(seconds=11)
    until(
        lambda: (
            child.load("requested_action") == "cancel"
            and child.load("requested_action")
        )
    )
    for execution in (child, inner):
        worker.report(execution, EventKind.ENDED, status="ENDED_CANCELLED")

    assert isinstance(limit.join(), ExecutionError)
    assert str(limit.ended) == "It took longer than 60 s, and was cancelled."
    limit.stop()


def answer_time(client, execution):
    created_at = client.get(f"/execution/{execution.execution_id}")["created_at"]
    return client.get(f"/execution/{execution.execution_id}/asked", since=created_at)


def test_a_wait_of_a_flow_does_not_count_answer_time(client, worker, clock):
    """The same for child.wait(timeout=...) in any flow; here the child asks a person."""
    parent = client.start({"source": SOURCE})
    parent_execution = worker.take()
    assert parent_execution.execution_id == parent.execution_id
    child = client.start({"source": SOURCE, "parent_id": parent.execution_id})
    child_execution = worker.take()

    played = PlayedWrapper(
        lambda _system, _this, _inputs: Execution(client, child.execution_id).wait(
            timeout=60
        ),
        parent_execution,
    )
    until(lambda: parent_execution.load("status") == S.WAITING)
    request = {"subject": "Well?", "body": {"properties": {"x": {"element": "string"}}}}
    message = client.post(f"/execution/{child_execution.execution_id}/message", request)
    wait_request = {"message": message["message_id"], "is_flow": True, "seconds": 0}
    client.post(f"/execution/{child_execution.execution_id}/wait", wait_request)
    clock.move(hours=1)
    client.answer(message["message_id"], {"ok": True}, answered_from="test")
    client.post(f"/execution/{child_execution.execution_id}/wait", wait_request)
    until(lambda: child_execution.load("status") == S.RUNNING)
    clock.move(seconds=50)
    assert played.ended is None
    clock.move(seconds=11)

    assert isinstance(played.join(), DependencyTimeoutError)
    played.stop()
