"""The same flow asks if a person is there, and fails at once if not."""

import json
import os
import subprocess
import sys

import pexpect
import pytest

from flowkernel.client.client import Client
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.acceptance.flows import INTERACTIVE, start_flow, write_notebook
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


def sign_and_messages(client):
    """The last sign of a person, and all messages. Reading them is no sign."""
    [execution] = client.list_executions(limit=1)
    presence = client.get(f"/execution/{execution.execution_id}/presence")
    return presence["last"], client.get("/message")


def test_cron_is_no_person(client):
    """Neither end is a terminal."""
    process = subprocess.run(
        [*RUN, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )

    assert process.returncode == 1
    record = json.loads(process.stdout)
    assert record["status"] == S.ENDED_ERROR
    assert record["status_message"].endswith(REASON)
    assert sign_and_messages(client) == (None, [])


def test_a_command_that_cannot_read_is_no_person(client):
    """Some programs close the standard input of what they start."""
    command = f"exec {' '.join(RUN)} <&-"
    process = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)

    assert process.returncode == 1
    assert "Nobody was there to be asked." in process.stderr
    assert sign_and_messages(client) == (None, [])


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


def test_a_person_at_a_terminal_is_asked(client):
    terminal = pexpect.spawn(
        RUN[0], RUN[1:], env={**os.environ, "TERM": "xterm"}, timeout=60
    )
    try:
        [prompt] = until(lambda: client.get("/message", is_open="true"), seconds=60)
        sign, _ = sign_and_messages(client)
        assert sign["channel"] == "command line"
        assert prompt["expires_at"] is not None
        client.answer(prompt["message_id"], {"fail": True}, answered_from="test")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close()
    assert terminal.exitstatus == 1


def test_papermill_is_no_person(client, tmp_path):
    """A notebook that it runs calls a flow under `interactive`."""
    source = "this.using('interactive').flow('broken.py')"
    write_notebook(tmp_path / "in.ipynb", source)

    process = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb"),
            *("--engine", "flowkernel", "-k", "python3"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert process.returncode != 0
    assert REASON in process.stderr
    assert sign_and_messages(client) == (None, [])


def test_a_program_over_rest_is_no_person(client):
    execution = start_flow(client, "broken.py", using=INTERACTIVE)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)

    assert execution.get("status") == S.ENDED_ERROR
    assert execution.get("message").endswith(REASON)
    assert sign_and_messages(client) == (None, [])


def test_a_program_with_a_channel_is_a_person(client, own_home):
    person = Client(own_home, started_by="ada (page)")
    person.channel = "REST"
    execution = start_flow(person, "broken.py", using=INTERACTIVE)

    [prompt] = until(lambda: client.get("/message", is_open="true"), seconds=60)

    sign, _ = sign_and_messages(client)
    assert (sign["person"], sign["channel"]) == ("ada", "REST")
    client.answer(prompt["message_id"], {"fail": True}, answered_from="test")
    Execution(client, execution.execution_id).wait(ReturnWhen.ALL_ENDED, timeout=60)
