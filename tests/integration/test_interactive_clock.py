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
    engine_here,
    shipped,
)

__all__ = ["clock"]

SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
LIMIT = 10  #: Minutes.
USING = {"name": "interactive", "inputs": {"interactive_limit_minutes": LIMIT}}


@pytest.fixture
def client(own_home, clock):
    """A client of an engine in this process, whose clock is the test's."""
    with engine_here(own_home, PATIENT) as client:
        yield client


@pytest.fixture
def worker(client):
    return PlayedWorker(client)


@pytest.fixture
def person(client):
    """Somebody who does something now."""

    def person(name="ada", channel="notebook"):
        other = Client(client.home, started_by=f"{name} (test)")
        other.channel, other.starts_engine = channel, False
        other.get("/flow")
        return other

    return person


class Stage:
    """One flow under `interactive`: the wrapper that runs, and what it runs."""

    def __init__(self, client, worker, **request):
        request = {"source": SOURCE, "using": [USING], **request}
        self.client, self.worker = client, worker
        self.root = Execution(client, client.start(request).execution_id)
        self.wrapper = PlayedWrapper(
            shipped("interactive"), worker.take(is_wrapper=True)
        )
        self.child = worker.take()

    def end(self):
        """What the handler came to; the wrapper ends so."""
        raised = self.wrapper.join()
        ends = {ExecutionSuccess: S.ENDED_SUCCESS, ExecutionCancel: S.ENDED_CANCELLED}
        status = ends.get(type(raised), S.ENDED_ERROR)
        said = {"status": status, "status_message": str(raised) or None}
        self.worker.report(self.wrapper.execution, EventKind.ENDED, **said)
        return type(raised)

    def prompt(self):
        """The prompt, once it is there."""
        [message] = until(lambda: self.client.get("/message", is_open="true"))
        return message

    def answer(self, **response):
        """Ada answers."""
        ada = Client(self.client.home, started_by="ada (test)")
        ada.starts_engine = False
        message_id = self.prompt()["message_id"]
        return ada.answer(message_id, response, answered_from="notebook")

    def decisions(self):
        """What was decided on the children: verb, by whom, from where, and why."""
        rows = self.client.sql(
            "SELECT payload->>'verb', actor, payload->>'decided_from', payload->>'why' "
            "FROM event WHERE kind = 'decided' ORDER BY seq"
        )["rows"]
        return [tuple(row) for row in rows]


@pytest.fixture
def begin(client, worker):
    """Start a flow under `interactive`."""
    stages = []

    def begin(**request):
        stages.append(Stage(client, worker, **request))
        return stages[-1]

    yield begin
    for stage in stages:
        stage.wrapper.stop()


# -- start flow, monitor execution ------------------------------------------------------


def test_it_starts_the_flow_and_watches_it(begin):
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


def test_nobody_was_ever_there_it_ends_with_the_error_at_once(begin, worker, client):
    stage = begin()

    worker.fail(stage.child)

    assert stage.end() is ExecutionError
    assert stage.root.load("message") == (
        "Cell 2 of 3: NameError: name 'amount' is not defined. "
        "Nobody was there to be asked."
    )
    assert client.get("/message") == []
    [(verb, actor, _, why)] = stage.decisions()
    assert (verb, why) == ("fail", "Nobody was there to be asked.")
    assert actor == client.started_by


def test_somebody_who_was_there_exactly_so_long_ago_is_asked(
    begin, worker, person, clock
):
    """The limit is inclusive."""
    stage = begin()
    clock.stop()
    person()
    clock.move(minutes=LIMIT)

    worker.fail(stage.child)

    assert stage.prompt()["about_id"] == stage.child.execution_id


def test_somebody_who_was_there_a_second_longer_ago_is_not(
    begin, worker, person, clock
):
    stage = begin()
    person()
    clock.move(minutes=LIMIT, seconds=1)

    worker.fail(stage.child)

    assert stage.end() is ExecutionError


@pytest.mark.parametrize(
    "channel", ["notebook", "command line", "panel", "REST"], ids=str
)
def test_whatever_a_person_does_counts_and_is_recorded(begin, worker, person, channel):
    """Executed a cell, used the command line or the panel, or asked over REST and said so."""
    stage = begin()
    person("bob", channel)

    worker.fail(stage.child)

    prompt = stage.prompt()
    [[known]] = stage.client.sql(
        "SELECT payload->'attended' FROM event WHERE kind = 'message_sent'"
    )["rows"]
    assert f'"person":"bob","channel":"{channel}"' in known.replace(", ", ",").replace(
        ": ", ":"
    )
    assert prompt["message_type"] == "ERROR"


def test_an_answer_counts_as_a_sign_too(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    stage.prompt()
    clock.move(minutes=LIMIT - 1)
    stage.answer(retry=True)
    again = worker.take()
    clock.move(minutes=LIMIT - 1)

    worker.fail(again)

    assert stage.prompt()["about_id"] == again.execution_id


# -- create message for users -----------------------------------------------------------


def test_retry_starts_the_flow_again(begin, worker, person):
    stage = begin(inputs={"day": 1})
    person()
    worker.fail(stage.child)

    stage.answer(retry=True)

    again = worker.take()
    assert again.get("retry_of", "inputs") == (stage.child.execution_id, {"day": 1})
    worker.succeed(again)
    assert stage.end() is ExecutionSuccess
    assert stage.child.load("status", "is_archived") == (S.ENDED_ERROR, True)
    assert stage.decisions() == [("retry", "ada", "notebook", None)]


def test_how_long_it_ran_leaves_out_what_a_person_took(begin, worker, person, clock):
    stage = begin()
    clock.move(seconds=30)
    person()
    worker.fail(stage.child)
    assert "It ran for 30." in stage.prompt()["message"]
    until(lambda: stage.root.load("status") == S.WAITING)
    clock.move(minutes=5)
    person()
    stage.answer(retry_cell=True)
    until(lambda: stage.child.load("status") == S.RUNNING)
    clock.move(seconds=20)

    worker.fail(stage.child)

    ran = re.search(r"It ran for (.+?) s\.", stage.prompt()["message"])
    assert ran is not None
    assert 50 <= float(ran[1]) < 60


def test_earlier_tries_are_not_archived_if_that_is_said(begin, worker, person):
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


def test_nobody_answers_in_time_it_ends_with_the_error(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    prompt = stage.prompt()
    clock.move(minutes=LIMIT, seconds=-30)
    assert stage.prompt() == prompt

    clock.move(seconds=31)

    assert stage.end() is ExecutionError
    assert stage.root.load("message").endswith("Nobody answered in time.")
    told = stage.client.get(f"/message/{prompt['message_id']}")
    assert (told["status"], told["closed_why"]) == (
        "TIMED_OUT",
        "Nobody answered in time.",
    )
    with pytest.raises(NotOpen, match="Nobody answered in time"):
        stage.client.answer(prompt["message_id"], {"retry": True}, answered_from="x")
    [(verb, _, _, why)] = stage.decisions()
    assert (verb, why) == ("fail", "Nobody answered in time.")


def test_somebody_who_said_so_is_waited_for_however_long_it_takes(begin, worker, clock):
    stage = begin(is_interactive=True)
    worker.fail(stage.child)
    prompt = stage.prompt()

    clock.move(days=400)

    assert stage.prompt() == prompt
    assert prompt["expires_at"] is None
    stage.answer(fail=True)
    assert stage.end() is ExecutionError


def test_each_try_asks_anew_whether_somebody_is_there(begin, worker, person, clock):
    stage = begin()
    person()
    worker.fail(stage.child)
    stage.answer(retry=True)
    again = worker.take()
    clock.move(hours=1)

    worker.fail(again)

    assert stage.end() is ExecutionError
    assert [verb for verb, *_ in stage.decisions()] == ["retry", "fail"]


# -- what nobody decided ----------------------------------------------------------------


def test_a_child_that_is_cancelled_takes_its_prompt_along(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)
    prompt = stage.prompt()

    stage.child.cancel()
    until(lambda: stage.child.execution_id in worker.poll()["cancel"])
    worker.report(stage.child, EventKind.ENDED, status=S.ENDED_CANCELLED)

    assert stage.end() is ExecutionCancel
    told = stage.client.get(f"/message/{prompt['message_id']}")
    said = "'sums' ended before this was answered."
    assert (told["status"], told["closed_why"]) == ("CLOSED", said)


def test_a_kernel_that_is_lost_is_told_where_it_is_asked(begin, worker, person):
    stage = begin()
    person()
    worker.fail(stage.child)
    before = stage.prompt()
    assert {"retry_cell", "skip", "source"} <= before["body"]["properties"].keys()

    worker.report(stage.child, EventKind.KERNEL_LOST, why="Its kernel ended.")
    worker.let_go(stage.child)

    until(lambda: stage.prompt()["message"] != before["message"])
    after = stage.prompt()
    said = (
        "Retry cell is no longer possible. Its kernel ended. Retry from start still is."
    )
    assert after["message_id"] == before["message_id"]
    assert after["message"].endswith(f"**{said}**")
    assert list(after["body"]["properties"]) == ["retry", "fail", "cancel_all"]
    rows = stage.client.sql("SELECT message, body FROM message")["rows"]
    assert [[said in text, "retry_cell" in body] for text, body in rows] == [
        [True, False]
    ]
    # A form that was on a screen all the time still has its fields.
    stage.answer(retry=True, source="total = 1", values={"total": 1})
    assert worker.take().get("retry_of") == stage.child.execution_id


# -- a flow's own time limits -----------------------------------------------------------


def test_a_time_limit_around_it_does_not_count_what_a_person_takes(
    client, worker, person, clock
):
    """timeout(interactive(flow)): 60 s for the flow, however long ada takes."""
    outer = {"name": "timeout", "inputs": {"timeout_sec": 60}}
    client.start({"source": SOURCE, "using": [outer, USING]})
    limit = PlayedWrapper(shipped("timeout"), worker.take(is_wrapper=True))
    inner, child = worker.take(is_wrapper=True), None
    body = {"wrapped_of": inner.execution_id, "parent_id": inner.execution_id}
    client.start({**body, "call_key": "wrapped", "parks": True, "inputs": {}})
    child = worker.take()
    clock.move(seconds=50)
    worker.fail(child)
    asked = {"about_id": child.execution_id}
    prompt = client.post(f"/execution/{inner.execution_id}/prompt", asked)
    question = {"message": prompt["message_id"], "is_flow": True, "seconds": 0}
    client.post(f"/execution/{inner.execution_id}/wait", question)
    until(lambda: inner.load("status") == S.WAITING)

    clock.move(hours=5)
    ada = person()
    until(lambda: _asked(client, limit.execution)["is_now"])
    assert limit.ended is None
    ada.answer(prompt["message_id"], {"retry_cell": True}, answered_from="notebook")
    client.post(f"/execution/{inner.execution_id}/wait", {**question, "is_last": True})
    until(lambda: not _asked(client, limit.execution)["is_now"])
    assert limit.ended is None
    clock.move(seconds=11)
    until(
        lambda: (
            child.load("requested_action") == "cancel"
            and child.load("requested_action")
        )
    )
    for one in (child, inner):
        worker.report(one, EventKind.ENDED, status="ENDED_CANCELLED")

    assert isinstance(limit.join(), ExecutionError)
    assert str(limit.ended) == "It took longer than 60 s, and was cancelled."
    limit.stop()


def _asked(client, execution):
    since = client.get(f"/execution/{execution.execution_id}")["created_at"]
    return client.get(f"/execution/{execution.execution_id}/asked", since=since)


def test_a_wait_of_a_flow_does_not_count_what_a_person_takes(client, worker, clock):
    """The same for child.wait(timeout=...) in any flow; here it asks somebody itself."""
    parent = client.start({"source": SOURCE})
    mine = worker.take()
    assert mine.execution_id == parent.execution_id
    child = client.start({"source": SOURCE, "parent_id": parent.execution_id})
    other = worker.take()

    waiting = PlayedWrapper(
        lambda _system, _this, _inputs: Execution(client, child.execution_id).wait(
            timeout=60
        ),
        mine,
    )
    until(lambda: mine.load("status") == S.WAITING)
    asked = {"subject": "Well?", "body": {"properties": {"x": {"element": "string"}}}}
    message = client.post(f"/execution/{other.execution_id}/message", asked)
    question = {"message": message["message_id"], "is_flow": True, "seconds": 0}
    client.post(f"/execution/{other.execution_id}/wait", question)
    clock.move(hours=1)
    client.answer(message["message_id"], {"ok": True}, answered_from="test")
    client.post(f"/execution/{other.execution_id}/wait", question)
    until(lambda: other.load("status") == S.RUNNING)
    clock.move(seconds=50)
    assert waiting.ended is None
    clock.move(seconds=11)

    assert isinstance(waiting.join(), DependencyTimeoutError)
    waiting.stop()
