"""Without a person, a flow that fails ends at once, however it was started."""

import subprocess
import sys

import papermill
import pexpect
import pytest
from papermill.exceptions import PapermillExecutionError

from flowkernel.client.client import Client
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import INTERACTIVE, start_flow, write_notebook
from tests.conftest import until

pytestmark = pytest.mark.kernel
COMMAND = [sys.executable, "-m", "flowkernel"]


@pytest.fixture
def program(own_home):
    """A program, which never says that a person is there."""
    client = Client(own_home, started_by="a program")
    client.get("/engine")
    yield client
    client.close()


@pytest.fixture
def notebook(tmp_path):
    """A notebook that runs a flow with the magics, which fails."""
    return write_notebook(
        tmp_path / "magics.ipynb",
        "%load_ext flowkernel",
        "%%flow broken --wrapper interactive\n1 / 0",
        "%flow_run broken",
        kernelspec={"name": "python3", "display_name": "Python 3"},
    )


def last_sign(client):
    execution = client.list_executions(limit=1)[0]
    return client.get(f"/execution/{execution.execution_id}/presence")["last"]


def test_a_notebook_that_cron_runs_is_no_person(program, notebook):
    process = subprocess.run(
        [*COMMAND, "run", str(notebook)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert process.returncode == 1
    assert "division by zero" in process.stdout + process.stderr
    assert program.get("/message") == []
    assert last_sign(program) is None


def test_a_notebook_that_papermill_runs_is_no_person(program, notebook, tmp_path):
    with pytest.raises(PapermillExecutionError, match="division by zero"):
        papermill.execute_notebook(
            str(notebook), str(tmp_path / "out.ipynb"), progress_bar=False
        )

    assert program.get("/message") == []
    assert last_sign(program) is None


def test_a_request_without_the_header_is_no_person(program, notebook):
    program.request("POST", "/flow", {"name": "bad", "kind": "CELL", "source": "1 / 0"})

    execution = start_flow(program, "bad", using=INTERACTIVE)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    assert execution.status is S.ENDED_ERROR
    assert program.get("/message") == []


def test_a_command_in_a_terminal_is_a_person(program):
    program.request("POST", "/flow", {"name": "f", "kind": "CELL", "source": "1"})
    program.start({"flow": "f", "run": False})
    terminal = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "flow", "list"], timeout=60)

    terminal.expect(pexpect.EOF)

    until(lambda: last_sign(program))
    assert last_sign(program)["channel"] == "command line"
