"""Requests about a failed execution while its prompt is open, also at awkward moments.

The engine is real, in this process; the kernels are simulated.
"""

import duckdb
import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed, NotOpen, Undecided
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import Execution
from flowkernel.store import Store
from flowkernel.store.restore import restore
from tests.conftest import until
from tests.stage import PlayedWorker, PlayedWrapper, engine_in_process, shipped_handler

SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
USING = [{"name": "interactive", "inputs": {}}]


@pytest.fixture
def client(own_home):
    """A client of an engine in this process."""
    with engine_in_process(own_home) as client:
        yield client


class Stage:
    """One flow in `interactive` that has failed, and its prompt."""

    def __init__(self, client):
        self.client, self.worker = client, PlayedWorker(client)
        request = {"source": SOURCE, "using": USING, "is_interactive": True}
        self.root = Execution(client, client.start(request).execution_id)
        wrapper = self.worker.take(is_wrapper=True)
        self.wrapper = PlayedWrapper(shipped_handler("interactive"), wrapper)
        self.child = self.worker.take()
        self.worker.fail(self.child)
        self.prompt = until(lambda: self.prompts())[0]

    def prompts(self):
        return self.client.get("/message", is_open="true")

    def answer(self, **response):
        ada = Client(self.client.home, started_by="ada (test)")
        ada.starts_engine = False
        return ada.answer(self.prompt["message_id"], response, answered_from="test")

    def events(self, kind):
        """The number of events of a kind."""
        query = f"SELECT count(*) FROM event WHERE kind = '{kind}'"
        return self.client.sql(query)["rows"][0][0]


@pytest.fixture
def stage(client):
    stage = Stage(client)
    yield stage
    stage.wrapper.stop()


def test_it_needs_a_decision_to_resume(stage):
    with pytest.raises(Undecided, match=r"'sums' has failed and waits for a decision"):
        stage.child.resume()

    stage.worker.report(stage.child, EventKind.KERNEL_LOST, why="Its kernel ended.")
    with pytest.raises(Undecided):
        stage.child.resume()
    assert stage.child.load("status", "requested_action") == (S.PAUSED, None)


@pytest.mark.parametrize("verb", ["pause", "retry", "run"])
def test_an_impossible_action_changes_nothing(stage, verb):
    with pytest.raises(MoveNotAllowed):
        stage.client.act(stage.child.execution_id, verb)

    assert stage.child.load("status", "requested_action") == (S.PAUSED, None)
    assert stage.prompts() == [stage.prompt]


def test_after_the_loss_of_the_kernel_the_answer_is_asked_for_again(client):
    """The choice was possible when a person answered, and is not when it is followed."""
    worker = PlayedWorker(client)
    request = {"source": SOURCE, "using": USING, "is_interactive": True}
    client.start(request)
    wrapper_execution = worker.take(is_wrapper=True)
    request = {
        "wrapped_of": wrapper_execution.execution_id,
        "parent_id": wrapper_execution.execution_id,
    }
    client.start({**request, "call_key": "wrapped", "parks": True})
    child = worker.take()
    worker.fail(child)
    body = {"about_id": child.execution_id}
    prompt = client.post(f"/execution/{wrapper_execution.execution_id}/prompt", body)
    client.answer(prompt["message_id"], {"retry_cell": True}, answered_from="test")
    worker.report(child, EventKind.KERNEL_LOST, why="Its kernel ended.")
    worker.release(child)

    body = {"message_id": prompt["message_id"]}
    record = client.post(f"/execution/{child.execution_id}/decide", body)
    assert (record["status"], record["decision"]) == (S.PAUSED, None)
    wrapper = PlayedWrapper(shipped_handler("interactive"), wrapper_execution)

    [next_prompt] = until(lambda: client.get("/message", is_open="true"))
    assert next_prompt["message_id"] != prompt["message_id"]
    assert "retry_cell" not in next_prompt["body"]["properties"]
    client.answer(next_prompt["message_id"], {"retry": True}, answered_from="test")
    assert worker.take().get("retry_of") == child.execution_id
    wrapper.stop()


def test_a_decision_is_sent_again_and_followed_once(stage):
    stage.answer(retry_cell=True)
    first_reply = until(lambda: resume_reply(stage))
    decision = first_reply["decisions"][stage.child.execution_id]

    second_reply = until(lambda: resume_reply(stage))

    assert second_reply["decisions"][stage.child.execution_id] == decision
    assert decision["decision_id"]
    assert stage.events("decided") == stage.events("message_answered") == 1


def resume_reply(stage):
    reply = stage.worker.poll()
    return reply if stage.child.execution_id in reply["resume"] else None


def test_the_cancel_of_its_wrapper_cancels_it(stage):
    stage.root.cancel()

    ids = {stage.root.execution_id, stage.child.execution_id}
    until(lambda: set(stage.worker.poll()["cancel"]) == ids)
    for execution in (stage.root, stage.child):
        stage.worker.report(execution, EventKind.ENDED, status=S.ENDED_CANCELLED)
    message = stage.client.get(f"/message/{stage.prompt['message_id']}")
    assert message["status"] == "CLOSED"
    with pytest.raises(NotOpen, match="ended before there was an answer"):
        stage.answer(retry=True)


def test_a_cancel_during_the_failure_is_followed(client):
    worker = PlayedWorker(client)
    request = {"source": SOURCE, "using": USING, "is_interactive": True}
    client.start(request)
    wrapper = PlayedWrapper(
        shipped_handler("interactive"), worker.take(is_wrapper=True)
    )
    child = worker.take()
    child.cancel()

    worker.fail(child, is_parked=False)  # The report was sent before the cancel.

    until(lambda: child.load("status") == S.ENDED_CANCELLED)
    wrapper.join()
    wrapper.stop()
    assert client.get("/message", is_open="true") == []


def test_with_its_wrapper_a_failed_execution_ends(stage):
    stage.worker.report(stage.root, EventKind.ENDED, status=S.ENDED_ERROR)

    until(lambda: stage.child.load("status") == S.ENDED_ERROR)
    message = stage.child.get("message")
    assert message.endswith("The wrapper that asks about it has ended.")
    until(lambda: stage.child.execution_id in stage.worker.poll()["drop"])


def test_it_is_not_pruned(stage):
    result = stage.client.post("/prune", {"days": 0, "keep": 0})

    assert result["executions"] == 0
    assert stage.prompts() == [stage.prompt]


def test_prompts_survive_a_compaction_and_are_in_a_backup(stage):
    stage.client.post("/compact", {})
    path = stage.client.post("/backup", {})["path"]

    assert stage.prompts() == [stage.prompt]
    stage.answer(fail=True)
    with duckdb.connect(path, read_only=True) as copy:
        rows = copy.sql("SELECT message_id, status FROM message").fetchall()
        failed = copy.sql(
            "SELECT status, failure->>'source' FROM execution WHERE failure IS NOT NULL"
        ).fetchall()
    assert [(str(id_), status) for id_, status in rows] == [
        (stage.prompt["message_id"], "OPEN")
    ]
    assert failed == [("PAUSED", "total = price * amount")]


def test_decisions_are_in_the_journal(own_home):
    with engine_in_process(own_home) as client:
        stage = Stage(client)
        stage.answer(retry=True)
        second_try = stage.worker.take()
        stage.worker.fail(second_try)
        until(stage.prompts)
        stage.worker.report(second_try, EventKind.KERNEL_LOST, why="Its kernel ended.")
        until(lambda: "retry_cell" not in stage.prompts()[0]["body"]["properties"])
        stage.wrapper.stop()
    contents = _contents(own_home)

    restore(own_home.database, own_home.journal)

    assert _contents(own_home) == contents


def _contents(home):
    with Store(home.database, journal=home.journal) as store:
        return [
            store.query(f"FROM {table} ORDER BY ALL").rows
            for table in ("execution", "cell_run", "message", "event")
        ] + [store.open_messages(), dict(store.live)]
