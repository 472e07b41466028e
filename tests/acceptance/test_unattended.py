"""Nobody is there: what fails ends at once, however it was started."""

import subprocess
import sys

import nbformat
import papermill
import pexpect
import pytest
from papermill.exceptions import PapermillExecutionError

from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.conftest import until

pytestmark = pytest.mark.kernel
COMMAND = [sys.executable, "-m", "flowkernel"]


@pytest.fixture
def program(own_home):
    """Somebody's program: it never says that a person is there."""
    client = Client(own_home, started_by="a program")
    client.get("/engine")
    yield client
    client.close()


@pytest.fixture
def notebook(tmp_path):
    """A notebook that uses the magics, and what fails in it."""
    cells = [
        "%load_ext flowkernel",
        "%%flow broken --wrapper interactive\n1 / 0",
        "%flow_run broken",
    ]
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    path = tmp_path / "magics.ipynb"
    nbformat.write(made, path)
    return path


def last_sign(client):
    execution = client.list_executions(limit=1)[0]
    return client.get(f"/execution/{execution.execution_id}/presence")["last"]


def test_a_notebook_that_cron_runs_is_nobody(program, notebook):
    done = subprocess.run(
        [*COMMAND, "run", str(notebook)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert "division by zero" in done.stdout + done.stderr
    assert program.get("/message") == []
    assert last_sign(program) is None


def test_a_notebook_that_papermill_runs_is_nobody(program, notebook, tmp_path):
    with pytest.raises(PapermillExecutionError, match="division by zero"):
        papermill.execute_notebook(
            str(notebook), str(tmp_path / "out.ipynb"), progress_bar=False
        )

    assert program.get("/message") == []
    assert last_sign(program) is None


def test_rest_without_the_header_is_nobody(program, notebook):
    program.request("POST", "/flow", {"name": "bad", "kind": "CELL", "source": "1 / 0"})
    uses = [{"name": "interactive", "inputs": {}}]
    request = {**start_request("bad", {}), "using": uses}

    execution = Execution(program, program.start(request).execution_id)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    assert execution.status is S.ENDED_ERROR
    assert program.get("/message") == []


def test_a_command_in_a_terminal_is_somebody(program):
    program.request("POST", "/flow", {"name": "f", "kind": "CELL", "source": "1"})
    program.start({"flow": "f", "run": False})
    terminal = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "flow", "list"], timeout=60)

    terminal.expect(pexpect.EOF)

    until(lambda: last_sign(program))
    assert last_sign(program)["channel"] == "command line"
