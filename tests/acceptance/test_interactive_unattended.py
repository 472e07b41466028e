"""The same flow asks where a person is, and fails at once where none is."""

import json
import os
import subprocess
import sys

import nbformat
import pexpect
import pytest

from flowkernel.client.client import Client
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.acceptance.test_interactive import begin
from tests.conftest import until

pytestmark = pytest.mark.kernel

RUN = [sys.executable, "-m", "flowkernel", "run", "broken.py", "--using", "interactive"]
REASON = "ZeroDivisionError: division by zero. Nobody was there to be asked."


@pytest.fixture
def client(own_home, tmp_path):
    """A client that is no person; and a script that fails."""
    (tmp_path / "broken.py").write_text("1 / 0")
    client = Client(own_home, started_by="test")
    yield client
    client.close()


def everything(client):
    """Asked without a word of a person: who was seen, and what was ever asked."""
    [newest] = client.list_executions(limit=1)
    seen = client.get(f"/execution/{newest.execution_id}/presence")
    return seen["last"], client.get("/message")


def test_cron_is_nobody(client):
    """Neither end is a terminal."""
    told = subprocess.run(
        [*RUN, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )

    assert told.returncode == 1
    record = json.loads(told.stdout)
    assert record["status"] == S.ENDED_ERROR
    assert record["status_message"].endswith(REASON)
    assert everything(client) == (None, [])


def test_a_command_that_cannot_read_is_nobody(client):
    """As some starters close it."""
    command = f"exec {' '.join(RUN)} <&-"
    told = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)

    assert told.returncode == 1
    assert "Nobody was there to be asked." in told.stderr
    assert everything(client) == (None, [])


def test_with_interactive_it_waits_in_the_inbox(client):
    running = subprocess.Popen(
        [*RUN, "--interactive"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    [prompt] = until(lambda: client.get("/message", is_open="true"))

    assert prompt["expires_at"] is None
    assert running.poll() is None
    answer = [sys.executable, "-m", "flowkernel", "message", "answer"]
    subprocess.run([*answer, prompt["message_id"][-8:], "skip"], check=True,
        stdin=subprocess.DEVNULL, capture_output=True)  # fmt: skip
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0, out


def test_somebody_at_a_terminal_is_asked(client):
    terminal = pexpect.spawn(
        RUN[0], RUN[1:], env={**os.environ, "TERM": "xterm"}, timeout=60
    )
    try:
        [prompt] = until(lambda: client.get("/message", is_open="true"), seconds=60)
        seen, _ = everything(client)
        assert seen["channel"] == "command line"
        assert prompt["expires_at"] is not None
        client.answer(prompt["message_id"], {"fail": True}, answered_from="test")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close()
    assert terminal.exitstatus == 1


def test_papermill_is_nobody(client, tmp_path):
    """A notebook that it runs calls a flow under `interactive`."""
    source = "this.using('interactive').flow('broken.py')"
    cell = nbformat.v4.new_code_cell(source)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "in.ipynb")

    told = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb"),
            *("--engine", "flowkernel", "-k", "python3"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert told.returncode != 0
    assert REASON in told.stderr
    assert everything(client) == (None, [])


def test_a_program_that_asks_over_rest_is_nobody(client):
    execution = begin(client, "broken.py")

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)

    assert execution.get("status") == S.ENDED_ERROR
    assert execution.get("message").endswith(REASON)
    assert everything(client) == (None, [])


def test_a_program_that_says_who_asks_is_somebody(client, own_home):
    person = Client(own_home, started_by="ada (page)")
    person.channel = "REST"
    execution = begin(person, "broken.py")

    [prompt] = until(lambda: client.get("/message", is_open="true"), seconds=60)

    seen, _ = everything(client)
    assert (seen["person"], seen["channel"]) == ("ada", "REST")
    client.answer(prompt["message_id"], {"fail": True}, answered_from="test")
    Execution(client, execution.execution_id).wait(ReturnWhen.ALL_ENDED, timeout=60)
