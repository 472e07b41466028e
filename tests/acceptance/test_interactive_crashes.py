"""`kill -9` of anything while a prompt is open: it is still there, and answered once."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from flowkernel.client.client import Client
from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.acceptance.test_interactive import begin, prompt_in
from tests.conftest import engines_of, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

GONE = (
    "Retry cell is no longer possible. Its worker was lost, and its kernel with it. "
    "Retry from start still is."
)


@pytest.fixture
def client(monkeypatch, own_home):
    """A client of an engine that soon believes that a worker is gone."""
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    client = Client(own_home, started_by="ada (test)")
    yield client
    client.close()


@dataclass(frozen=True)
class Sums:
    """A notebook: an expensive first cell, and one that lacks a file."""

    path: Path
    counter: Path  #: How often the first cell ran.
    amount: Path  #: The file.

    def mend(self):
        """Put the file there."""
        self.amount.write_text("4")


@pytest.fixture
def sums(tmp_path):
    made = Sums(*(tmp_path / name for name in ("sums.ipynb", "counter", "amount")))
    cells = [
        f"with open({str(made.counter)!r}, 'a') as file:\n    file.write('x')\nprice = 3",
        f"total = price * int(open({str(made.amount)!r}).read())",
        "this.set_output(total=total)",
    ]
    book = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    nbformat.write(book, made.path)
    return made


def answered_once(client, execution, prompt, **response):
    """Ada answers, and it ends with success; Bob comes too late; nobody asked twice."""
    ada = client.answer(prompt["message_id"], response, answered_from="REST")
    bob = Client(client.home, started_by="bob (test)")
    with pytest.raises(NotOpen, match="ada was first"):
        bob.answer(prompt["message_id"], {"fail": True}, answered_from="REST")
    execution.wait(ReturnWhen.ALL_ENDED, timeout=90)
    assert execution.get("status", "output") == (S.ENDED_SUCCESS, {"total": 12})
    asked = client.sql(
        "SELECT count(*) FILTER (kind = 'message_sent'), "
        "count(*) FILTER (kind = 'message_answered'), count(*) FILTER (kind = 'decided') "
        f"FROM event WHERE root_id = '{execution.execution_id}'"
    )["rows"]
    assert asked == [[1, 1, 1]]
    return ada


def open_prompts(client):
    return client.get("/message", is_open="true")


def kill_workers(home):
    workers = workers_of(home)
    for worker in workers:
        worker.kill()
    psutil.wait_procs(workers, timeout=10)


def test_the_engine_is_killed_the_kernel_stays(client, own_home, sums):
    execution = begin(client, sums.path, interactive=True)
    prompt = prompt_in(client, execution)
    [child] = execution.children
    parked_at = child.get("parked_at")

    kill_engine(own_home)

    assert open_prompts(client) == [prompt]
    assert child.load("status", "parked_at") == (S.PAUSED, parked_at)
    sums.mend()
    answered_once(client, execution, prompt, retry_cell=True)
    assert sums.counter.read_text() == "x"
    assert (child.load("losses"), len(engines_of(own_home))) == (0, 1)


def test_the_worker_is_killed_the_prompt_says_what_is_still_possible(
    client, own_home, sums
):
    execution = begin(client, sums.path, interactive=True)
    before = prompt_in(client, execution)

    kill_workers(own_home)

    [prompt] = until(lambda: [m for m in open_prompts(client) if m != before])
    assert prompt["message_id"] == before["message_id"]
    assert prompt["message"] == f"{before['message']}\n\n**{GONE}**"
    assert list(prompt["body"]["properties"]) == ["retry", "fail", "cancel_all"]
    with pytest.raises(BadAnswer) as refused:
        response = {"retry_cell": True}
        client.answer(prompt["message_id"], response, answered_from="REST")
    assert str(refused.value) == GONE
    sums.mend()
    answered_once(client, execution, prompt, retry=True)
    first, second = execution.children
    assert first.get("status", "is_archived") == (S.ENDED_ERROR, True)
    assert second.get("retry_of") == first.execution_id
    assert sums.counter.read_text() == "xx"


def test_engine_and_worker_are_killed_together(client, own_home, sums):
    """As when the machine goes down."""
    execution = begin(client, sums.path, interactive=True)
    before = prompt_in(client, execution)

    processes = engines_of(own_home) + workers_of(own_home)
    for process in processes:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)

    [prompt] = open_prompts(client)
    assert prompt["message_id"] == before["message_id"]
    [prompt] = until(lambda: [m for m in open_prompts(client) if m != before])
    assert GONE in prompt["message"]
    sums.mend()
    answered_once(client, execution, prompt, retry=True)
    assert sums.counter.read_text() == "xx"


def test_an_answer_that_nobody_could_follow_yet_is_followed(client, own_home, sums):
    """It is acknowledged, and then everything is killed."""
    execution = begin(client, sums.path, interactive=True)
    prompt = prompt_in(client, execution)
    sums.mend()
    [worker] = workers_of(own_home)
    worker.suspend()  # So that it cannot follow.

    client.answer(prompt["message_id"], {"retry": True}, answered_from="REST")
    kill_engine(own_home)
    kill_workers(own_home)

    client.get("/engine")
    execution.wait(ReturnWhen.ALL_ENDED, timeout=90)
    assert execution.get("status", "output") == (S.ENDED_SUCCESS, {"total": 12})
    first, second = execution.children
    assert second.get("retry_of") == first.execution_id
    assert open_prompts(client) == []


def test_the_notebook_that_asked_is_killed(client, own_home, sums):
    """Its kernel, that is, while its cell shows the prompt."""
    manager, front = start_new_kernel(kernel_name="python3")
    try:
        front.execute("%load_ext flowkernel")
        front.execute(f"%flow_run {sums.path} --using interactive")
        [prompt] = until(lambda: open_prompts(client), seconds=60)
        kernel = manager.provisioner.process.pid

        os.kill(kernel, signal.SIGKILL)

        until(lambda: manager.provisioner.process.poll() is not None)
        assert open_prompts(client) == [prompt]
        execution = Execution(client, prompt["root_id"])
        sums.mend()
        answered_once(client, execution, prompt, retry_cell=True)
        assert sums.counter.read_text() == "x"
    finally:
        front.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_retry_whose_worker_is_killed_counts_on(client, own_home, tmp_path):
    """It neither begins anew nor tries more often than it may."""
    counter = tmp_path / "counter"
    path = tmp_path / "never.py"
    path.write_text(f"open({str(counter)!r}, 'a').write('x')\n1 / 0")
    using = [{"name": "retry", "inputs": {"max_tries": 3, "delay_sec": 5}}]
    execution = begin(client, path, using=using)
    until(lambda: len(execution.children) == 2, seconds=60)
    until(lambda: all(child.status.is_ended for child in execution.children))

    kill_workers(own_home)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=90)
    assert execution.load("losses", "status") == (1, S.ENDED_ERROR)
    assert counter.read_text() == "xxx"
    ids = [child.execution_id for child in execution.children]
    assert [c.get("retry_of") for c in execution.children] == [None, *ids[:2]]
