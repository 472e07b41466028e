"""`kill -9` of any process while a prompt is open: it stays open, and is answered once."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from flowkernel.client.client import Client
from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.acceptance.flows import (
    INTERACTIVE,
    open_prompt,
    start_flow,
    write_notebook,
)
from tests.acceptance.test_crashes import kernels_of
from tests.conftest import engines_of, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

NO_RETRY_CELL = (
    "Retry cell is no longer possible. Its worker was lost, and its kernel with it. "
    "Retry from start still is."
)


@pytest.fixture
def client(monkeypatch, own_home):
    """A client of an engine that notices the loss of a worker soon."""
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    client = Client(own_home, started_by="ada (test)")
    yield client
    client.close()


@dataclass(frozen=True)
class Sums:
    """A notebook: an expensive first cell, and one that needs a missing file."""

    path: Path
    counter: Path  #: How often the first cell ran.
    amount: Path  #: The file.

    def write_amount(self):
        """Write the missing file."""
        self.amount.write_text("4")


@pytest.fixture
def sums(tmp_path):
    sums = Sums(*(tmp_path / name for name in ("sums.ipynb", "counter", "amount")))
    write_notebook(
        sums.path,
        f"with open({str(sums.counter)!r}, 'a') as file:\n    file.write('x')\nprice = 3",
        f"total = price * int(open({str(sums.amount)!r}).read())",
        "this.set_output(total=total)",
    )
    return sums


def answer_once(client, execution, prompt, **response):
    """Ada answers, Bob is too late; it succeeds, and there was only one prompt."""
    ada = client.answer(prompt["message_id"], response, answered_from="REST")
    bob = Client(client.home, started_by="bob (test)")
    with pytest.raises(NotOpen, match="ada has already answered"):
        bob.answer(prompt["message_id"], {"fail": True}, answered_from="REST")
    execution.wait(ReturnWhen.ALL_ENDED, timeout=90)
    assert execution.get("status", "output") == (S.ENDED_SUCCESS, {"total": 12})
    counts = client.sql(
        "SELECT count(*) FILTER (kind = 'message_sent'), "
        "count(*) FILTER (kind = 'message_answered'), count(*) FILTER (kind = 'decided') "
        f"FROM event WHERE root_id = '{execution.execution_id}'"
    )["rows"]
    assert counts == [[1, 1, 1]]
    return ada


def open_prompts(client):
    return client.get("/message", is_open="true")


def kill_workers(home):
    workers = workers_of(home)
    for worker in workers:
        worker.kill()
    psutil.wait_procs(workers, timeout=10)


def test_the_kernel_survives_the_engine(client, own_home, sums):
    execution = start_flow(client, sums.path, using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)
    [child] = execution.children
    parked_at = child.get("parked_at")

    kill_engine(own_home)

    assert open_prompts(client) == [prompt]
    assert child.load("status", "parked_at") == (S.PAUSED, parked_at)
    sums.write_amount()
    answer_once(client, execution, prompt, retry_cell=True)
    assert sums.counter.read_text() == "x"
    assert (child.load("losses"), len(engines_of(own_home))) == (0, 1)


def test_without_its_worker_the_prompt_names_the_remaining_choices(
    client, own_home, sums
):
    execution = start_flow(client, sums.path, using=INTERACTIVE, is_interactive=True)
    first_prompt = open_prompt(client, execution)

    kill_workers(own_home)

    [prompt] = until(lambda: [m for m in open_prompts(client) if m != first_prompt])
    assert prompt["message_id"] == first_prompt["message_id"]
    assert prompt["message"] == f"{first_prompt['message']}\n\n**{NO_RETRY_CELL}**"
    assert list(prompt["body"]["properties"]) == ["retry", "fail", "cancel_all"]
    response = {"retry_cell": True}
    with pytest.raises(BadAnswer) as refused:
        client.answer(prompt["message_id"], response, answered_from="REST")
    assert str(refused.value) == NO_RETRY_CELL
    sums.write_amount()
    answer_once(client, execution, prompt, retry=True)
    first, second = execution.children
    assert first.get("status", "is_archived") == (S.ENDED_ERROR, True)
    assert second.get("retry_of") == first.execution_id
    assert sums.counter.read_text() == "xx"


def test_engine_and_worker_are_killed_together(client, own_home, sums):
    """As when the machine stops."""
    execution = start_flow(client, sums.path, using=INTERACTIVE, is_interactive=True)
    first_prompt = open_prompt(client, execution)

    processes = engines_of(own_home) + workers_of(own_home)
    for process in processes:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)

    [prompt] = open_prompts(client)
    assert prompt["message_id"] == first_prompt["message_id"]
    [prompt] = until(lambda: [m for m in open_prompts(client) if m != first_prompt])
    assert NO_RETRY_CELL in prompt["message"]
    sums.write_amount()
    answer_once(client, execution, prompt, retry=True)
    assert sums.counter.read_text() == "xx"


def test_an_acknowledged_answer_is_followed_after_a_crash(client, own_home, sums):
    """All processes are killed just after the acknowledgement."""
    execution = start_flow(client, sums.path, using=INTERACTIVE, is_interactive=True)
    prompt = open_prompt(client, execution)
    sums.write_amount()
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


def test_a_prompt_survives_the_notebook_that_shows_it(client, own_home, sums):
    """Its kernel is killed while its cell shows the prompt."""
    manager, notebook = start_new_kernel(kernel_name="python3")
    try:
        notebook.execute("%load_ext flowkernel")
        notebook.execute(f"%flow_run {sums.path} --using interactive")
        [prompt] = until(lambda: open_prompts(client), seconds=60)
        kernel = manager.provisioner.process.pid

        os.kill(kernel, signal.SIGKILL)

        until(lambda: manager.provisioner.process.poll() is not None)
        assert open_prompts(client) == [prompt]
        execution = Execution(client, prompt["root_id"])
        sums.write_amount()
        answer_once(client, execution, prompt, retry_cell=True)
        assert sums.counter.read_text() == "x"
    finally:
        notebook.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_retry_whose_worker_is_killed_keeps_its_count(client, own_home, tmp_path):
    """It does not start again, nor try more often than it may."""
    counter = tmp_path / "counter"
    path = tmp_path / "never.py"
    path.write_text(f"open({str(counter)!r}, 'a').write('x')\n1 / 0")
    using = [{"name": "retry", "inputs": {"max_tries": 3, "delay_sec": 5}}]
    execution = start_flow(client, path, using=using)
    until(lambda: len(execution.children) == 2, seconds=60)
    until(lambda: all(child.status.is_ended for child in execution.children))

    kill_workers(own_home)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=90)
    assert execution.load("losses", "status") == (1, S.ENDED_ERROR)
    assert counter.read_text() == "xxx"
    ids = [child.execution_id for child in execution.children]
    assert [c.get("retry_of") for c in execution.children] == [None, *ids[:2]]


def test_the_failure_of_an_adopted_child_asks_in_the_family_that_has_it(
    client, own_home, tmp_path
):
    """The kernel of the wrapper is killed; the flow goes on, and fails under the next one."""
    own_pid, go, amount = (tmp_path / name for name in ("pid", "go", "amount"))
    path = tmp_path / "waits.py"
    path.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(own_pid)!r}).write_text(str(os.getpid()))\n"
        f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.05)\n"
        f"this.set_output(total=int(open({str(amount)!r}).read()))\n"
    )
    first = start_flow(client, path, using=INTERACTIVE, is_interactive=True)
    until(lambda: own_pid.exists() and own_pid.read_text())
    [child] = first.children
    for kernel in kernels_of(own_home):
        if kernel.pid != int(own_pid.read_text()):
            kernel.kill()
    first.wait(ReturnWhen.ALL_ENDED, timeout=60)

    of = {"retry_of": first.execution_id, "inputs": first.get("inputs")}
    retry = client.start({**of, "is_interactive": True})
    again = Execution(client, retry.execution_id)
    until(lambda: child.load("adopted_by") == again.execution_id, seconds=30)
    go.touch()
    prompt = open_prompt(client, again)

    assert prompt["about_id"] == child.execution_id
    assert prompt["execution_id"] == again.execution_id
    amount.write_text("12")
    client.answer(prompt["message_id"], {"retry_cell": True}, answered_from="REST")
    assert again.wait(timeout=90).output == {"total": 12}
    assert [e.execution_id for e in again.children] == [child.execution_id]
