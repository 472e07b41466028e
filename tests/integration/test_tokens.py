"""What each token may do, at a real engine; who is recorded; what is refused at the door."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import (
    AttemptIsOver,
    ExecutionNotFound,
    NotAllowed,
    Unauthorized,
)
from flowkernel.core.models import EventKind
from flowkernel.engine.api.auth import AuthMiddleware
from flowkernel.engine.callers import ExecutionCaller, TokenKey, Tokens, WorkerCaller
from flowkernel.engine.token_file import load_key
from flowkernel.flow_api import Execution
from flowkernel.home import Home
from flowkernel.store import Store
from tests.stage import PlayedWorker, engine_in_process

SOURCE = {"name": "report", "kind": "SCRIPT", "source": "1"}
#: The id of nothing that there is.
UNKNOWN = "01a21e01-8c0b-7695-8d47-09ef4ac82ead"
#: What only a person may do: each with a body that would be good.
FOR_PEOPLE = (
    ("POST", "/engine/stop", {"force": True}),
    ("POST", "/prune", {"keep": 0}),
    ("POST", "/compact", None),
    ("POST", "/backup", None),
    ("PATCH", "/flow/report", {"wrappers": []}),
    ("POST", f"/message/{UNKNOWN}/answer", {"response": {}}),
    (
        "POST",
        "/worker/worker-1/poll",
        {"pid": 1, "process_started_at": 1.0, "holding": []},
    ),
    ("GET", "/nothing", None),
)


@pytest.fixture
def person(tmp_path) -> Iterator[Client]:
    """A client of a person, of an engine in this process."""
    with engine_in_process(Home(tmp_path / "home")) as client:
        client.started_by = "ada (notebook)"
        yield client


@pytest.fixture
def key(person) -> TokenKey:
    """The key of the home."""
    return load_key(person.home)


@pytest.fixture
def client_of(person, key) -> Iterator[Callable[..., Client]]:
    """A client with the token of a caller."""
    clients = []

    def client_of(caller: WorkerCaller | ExecutionCaller) -> Client:
        client = Client(person.home, started_by="mallory", token=key.issue(caller))
        client.starts_engine = False
        clients.append(client)
        return client

    yield client_of
    for client in clients:
        client.close()


@pytest.fixture
def worker(person) -> PlayedWorker:
    """A worker with a person's token, as those of older versions have."""
    return PlayedWorker(person)


@pytest.fixture
def running(person, worker, client_of) -> Callable[..., Client]:
    """Start an execution, have a worker take it; the client of its kernel."""

    def running(**request: Any) -> Client:
        person.start({"source": SOURCE, **request})
        execution_id = worker.take().execution_id
        client = client_of(ExecutionCaller(execution_id, 1))
        client.execution_id = execution_id
        return client

    return running


def held(worker: PlayedWorker, flow: Client) -> Execution:
    """The execution of a kernel, as its worker has it."""
    return Execution(worker.client, flow.execution_id)


def message_of(flow: Client) -> dict[str, Any]:
    body = {"subject": "Go on?", "request": "Yes or no"}
    return flow.post(f"/execution/{flow.execution_id}/message", body)


def test_what_a_flow_starts_is_its_child_whoever_it_claims_to_be(person, running):
    flow = running()

    child = flow.start({"source": SOURCE, "started_by": "ada (notebook)"})

    assert child.parent_id == flow.execution_id
    assert child.started_by == f"execution {flow.execution_id}"
    assert person.start({"source": SOURCE}).started_by == "ada (notebook)"


@pytest.mark.parametrize("is_interactive", [False, True])
def test_a_flow_does_not_say_whether_a_person_is_there(running, is_interactive):
    flow = running(is_interactive=is_interactive)

    child = flow.start({"source": SOURCE, "is_interactive": not is_interactive})

    assert child.is_interactive is is_interactive


def test_a_flow_starts_nothing_for_another(person, running):
    flow, stranger = running(), running()

    with pytest.raises(NotAllowed, match=f"execution {flow.execution_id}"):
        flow.start({"source": SOURCE, "parent_id": stranger.execution_id})

    assert not person.list_executions(parent_id=stranger.execution_id)


@pytest.mark.parametrize(("method", "path", "body"), FOR_PEOPLE)
def test_a_flow_may_not_do_what_is_for_people(running, method, path, body):
    flow = running()

    with pytest.raises(NotAllowed, match=f"does not allow {method} {path}") as error:
        flow.request(method, path, body)

    assert "A person can do it" in str(error.value)


@pytest.mark.parametrize("verb", ["cancel", "pause", "output", "log", "message"])
def test_a_flow_changes_itself_and_what_is_under_it_alone(person, running, verb):
    bodies: dict[str, Any] = {
        "output": {"output": {"n": 1}},
        "log": {"text": "x"},
        "message": {"subject": "x", "wait": False},
    }
    flow, stranger = running(), running()

    with pytest.raises(NotAllowed, match=r"'report'|does not allow"):
        flow.post(f"/execution/{stranger.execution_id}/{verb}", bodies.get(verb, {}))
    with pytest.raises((ExecutionNotFound, NotAllowed)):
        flow.post(f"/execution/{new_id()}/{verb}", bodies.get(verb, {}))

    assert person.get_execution(stranger.execution_id).requested_action is None
    flow.post(f"/execution/{flow.execution_id}/{verb}", bodies.get(verb, {}))


def test_a_flow_cancels_what_its_child_started(running, worker, client_of):
    flow = running()
    child_id = flow.start({"source": SOURCE}).execution_id
    worker.take()
    child = client_of(ExecutionCaller(child_id, 1))
    grandchild = child.start({"source": SOURCE})

    cancelled = flow.act(grandchild.execution_id, "cancel")

    assert cancelled.status.is_ended or cancelled.requested_action == "cancel"
    assert f"by execution {flow.execution_id}" in cancelled.status_message


def test_a_retry_may_change_what_its_first_try_started(
    person, running, worker, client_of
):
    flow = running()
    child = flow.start({"source": SOURCE, "run": False})
    worker.report(held(worker, flow), EventKind.ENDED, status="ENDED_ERROR")
    retry_id = person.act(flow.execution_id, "retry").execution_id
    worker.take()

    retry = client_of(ExecutionCaller(retry_id, 1))
    retry.request("PATCH", f"/execution/{child.execution_id}", {"is_archived": True})

    assert person.get_execution(child.execution_id).is_archived


def test_a_flow_reads_everything(person, running):
    flow, stranger = running(), running()
    message = message_of(stranger)

    assert flow.get_execution(stranger.execution_id).name == "report"
    assert flow.get(f"/message/{message['message_id']}")["subject"] == "Go on?"
    assert flow.sql("SELECT count(*) FROM execution")["rows"] == [[2]]


def test_a_flow_answers_no_message_not_even_its_own(person, running):
    flow = running()
    message_id = message_of(flow)["message_id"]

    with pytest.raises(NotAllowed):
        flow.answer(message_id, {"string": "yes"}, answered_from="notebook")
    answer = person.answer(message_id, {"string": "yes"}, answered_from="notebook")

    assert answer["answered_by"] == "ada"


def test_a_flow_waits_for_any_and_gives_back_its_own_slot_alone(running):
    flow, stranger = running(), running()
    wait = {"for": [stranger.execution_id], "seconds": 0}

    reply = flow.post(f"/execution/{stranger.execution_id}/wait", wait)
    assert not reply["is_over"]
    with pytest.raises(NotAllowed):
        flow.post(f"/execution/{stranger.execution_id}/wait", {**wait, "is_flow": True})


def test_a_flow_is_no_sign_of_a_person(person, running):
    flow = running()
    flow.channel = "notebook"

    flow.get("/flow")

    path = f"/execution/{flow.execution_id}/presence"
    assert person.get(path)["last"] is None


def test_a_token_ends_with_its_execution(person, running, worker):
    flow = running()
    execution = held(worker, flow)
    flow.post(f"/execution/{flow.execution_id}/output", {"output": {"n": 1}})
    worker.succeed(execution)

    path = f"/execution/{flow.execution_id}"
    for method, verb, body in (("POST", "/log", {"text": "late"}), ("GET", "", None)):
        with pytest.raises(AttemptIsOver, match="'report', which has ended"):
            flow.request(method, path + verb, body)

    assert person.get_execution(flow.execution_id).output == {"n": 1}
    assert flow.get("/engine")["version"]  # So that it learns that it is over.


def test_the_parent_reads_what_its_child_left(person, running, worker, client_of):
    flow = running()
    child_id = flow.start({"source": SOURCE}).execution_id
    execution = worker.take()
    child = client_of(ExecutionCaller(child_id, 1))
    child.post(f"/execution/{child_id}/output", {"output": {"n": 1}})
    worker.succeed(execution)

    assert flow.get_execution(child_id).output == {"n": 1}


@pytest.mark.parametrize("attempt", [2, 3])
def test_another_attempt_is_refused(person, running, client_of, attempt):
    flow = running()
    stale = client_of(ExecutionCaller(flow.execution_id, attempt))

    with pytest.raises(
        AttemptIsOver, match=f"attempt {attempt} of 'report'; attempt 1"
    ):
        stale.post(f"/execution/{flow.execution_id}/output", {"output": {"n": 1}})

    assert person.get_execution(flow.execution_id).output is None


def test_a_worker_reports_as_itself_alone(person, worker, client_of):
    own = PlayedWorker(client_of(WorkerCaller(worker.worker_id)), worker.worker_id)
    person.start({"source": SOURCE})
    execution = own.take()

    own.report(execution, EventKind.CELLS_COUNTED, cell_count=1)
    with pytest.raises(NotAllowed, match=worker.worker_id):
        PlayedWorker(own.client, f"worker-{new_id()}").poll()
    with pytest.raises(NotAllowed, match=worker.worker_id):
        own.client.get_execution(execution.execution_id)

    assert person.get_execution(execution.execution_id).cell_count == 1


def test_an_event_of_a_worker_has_the_worker_as_its_actor(person, worker):
    person.start({"source": SOURCE})
    execution = worker.take()
    event = {
        "event_id": new_id(),
        "execution_id": execution.execution_id,
        "kind": "cells_counted",
        "happened_at": "2026-01-01T00:00:00Z",
        "actor": "ada",
        "payload": {"cell_count": 1},
    }

    body = {"pid": 1, "process_started_at": 1.0, "events": [event]}
    person.post(f"/worker/{worker.worker_id}/report", body)

    query = "SELECT DISTINCT actor FROM event WHERE kind = 'cells_counted'"
    assert person.sql(query)["rows"] == [[worker.worker_id]]


def test_an_assignment_has_the_token_of_its_attempt(person, worker, key):
    execution = person.start({"source": SOURCE})

    [assignment] = worker.poll()["start"]

    caller = ExecutionCaller(execution.execution_id, 1)
    assert key.verify(assignment["token"]) == caller
    query = "SELECT payload->>'attempt' FROM event WHERE kind = 'started'"
    assert person.sql(query)["rows"] == [["1"]]


def test_a_papermill_of_its_own_gets_two_tokens(person, running, key):
    """A person's, and one in a flow: neither can have those of another papermill."""
    flow, worker_id = running(), f"papermill-{new_id()}"
    request = {"source": SOURCE, "worker": worker_id}

    record = flow.post("/execution", request)
    theft = running().post("/execution", request)

    assert key.verify(record["worker_token"]) == WorkerCaller(worker_id)
    assert key.verify(record["token"]) == ExecutionCaller(record["execution_id"], 1)
    assert record["parent_id"] == flow.execution_id
    assert "worker_token" not in theft
    assert "token" not in theft
    assert "token" not in person.post("/execution", {"source": SOURCE})


def test_no_token_is_in_the_record(person, worker, key):
    person.start({"source": SOURCE})
    execution = worker.take()
    token = key.issue(ExecutionCaller(execution.execution_id, 1))

    text = person.get("/execution") + person.sql("SELECT payload FROM event")["rows"]

    assert token not in str(text)
    assert "fkx_" not in str(text)


def test_a_token_of_another_key_says_what_happened(person, client_of):
    client = Client(person.home, token=TokenKey(b"x" * 32).issue(WorkerCaller("w")))

    with pytest.raises(Unauthorized, match="`token-key` of the home was made again"):
        client.get("/engine")
    client.close()


# -- the guard ---------------------------------------------------------------------------


def answer_of_guard(tmp_path: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What the guard sends for a scope; raises if the application is called."""
    sent = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError(f"a {scope['type']} scope reached the application")

    async def receive() -> dict[str, Any]:
        return {"type": f"{scope['type']}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    with Store(":memory:") as store:
        tokens = Tokens("person", "ada", TokenKey(b"k" * 32))
        guard = AuthMiddleware(app, tokens=tokens, store=store, on_request=lambda: None)
        asyncio.run(guard(scope, receive, send))
    return sent


def test_a_websocket_is_refused_whatever_its_token(tmp_path):
    headers = [(b"authorization", b"Bearer person")]
    scope = {"type": "websocket", "path": "/api/latest/event", "headers": headers}

    assert answer_of_guard(tmp_path, scope) == [
        {"type": "websocket.close", "code": 1008}
    ]


def test_what_the_guard_does_not_know_reaches_no_application(tmp_path):
    assert answer_of_guard(tmp_path, {"type": "webtransport"}) == []


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "person", "Basic person", "bearer x"]
)
def test_a_request_without_a_token_gets_401(tmp_path, header):
    headers = [(b"authorization", header.encode())]
    scope = {"type": "http", "method": "GET", "path": "/nothing", "headers": headers}

    assert answer_of_guard(tmp_path, scope)[0]["status"] == 401
