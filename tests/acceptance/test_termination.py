"""A supervisor ends a run by SIGTERM: it is cancelled, or continues if that was said."""

import signal
import subprocess
import sys

import nbformat
import pytest

from flowkernel.core.status import CellStatus
from flowkernel.core.status import ExecutionStatus as S
from tests.conftest import until

pytestmark = pytest.mark.kernel

SLOW = "import time\nfor _ in range(120):\n    time.sleep(0.5)\n"


@pytest.fixture
def latest(client):
    """The newest execution, once it has the status."""

    def latest(*statuses):
        def execution():
            [newest] = client.list_executions(limit=1) or [None]
            return newest if newest and newest.status in statuses else None

        return until(execution, description=f"{statuses}")

    return latest


def hear_signals():
    """Have no signal ignored, as under `nohup`."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start_program(client, tmp_path):
    """Start `python -m ...`; it is killed at the end of the test."""
    (tmp_path / "slow.py").write_text(SLOW)
    cell = nbformat.v4.new_code_cell(f"print('begun', flush=True)\n{SLOW}")
    kernelspec = {"name": "python3", "display_name": "P", "language": "python"}
    metadata = {"kernelspec": kernelspec}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    nbformat.write(notebook, tmp_path / "slow.ipynb")
    processes = []

    def start_program(*words):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=hear_signals,
            )
        )
        return processes[-1]

    yield start_program
    for process in processes:
        process.kill()
        process.communicate()


def test_a_run_that_is_terminated_is_cancelled(start_program, latest):
    process = start_program("flowkernel", "run", "slow.py")
    latest(S.RUNNING)

    process.send_signal(signal.SIGTERM)

    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (3, "'slow' was cancelled.\n")
    latest(S.ENDED_CANCELLED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_detached_run_continues(start_program, latest, client, number):
    process = start_program("flowkernel", "run", "slow.py", "--detach")
    running = latest(S.RUNNING)

    process.send_signal(number)

    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("It continues. ")
    assert latest(S.RUNNING).execution_id == running.execution_id
    client.act(running.execution_id, "cancel")
    latest(S.ENDED_CANCELLED)


def test_a_run_continues_when_its_terminal_is_closed(start_program, latest, client):
    process = start_program("flowkernel", "run", "slow.py")
    running = latest(S.RUNNING)

    process.send_signal(signal.SIGHUP)

    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGHUP
    assert latest(S.RUNNING).execution_id == running.execution_id
    client.act(running.execution_id, "cancel")
    latest(S.ENDED_CANCELLED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_papermill_that_is_terminated_says_what_became_of_its_run(
    start_program, latest, client, tmp_path, number
):
    words = ("slow.ipynb", "out.ipynb", "--engine", "flowkernel", "--no-progress-bar")
    process = start_program("papermill", *words)
    running = latest(S.RUNNING)
    until(lambda: client.log(running.execution_id), description="output")

    process.send_signal(number)

    process.communicate(timeout=60)
    assert process.returncode == -number
    ended = latest(S.ENDED_CANCELLED)
    assert ended.execution_id == running.execution_id
    [cell_run] = client.cell_runs(ended.execution_id)
    assert cell_run.status is CellStatus.INTERRUPTED
    notebook = nbformat.read(tmp_path / "out.ipynb", 4)
    assert notebook.cells[0].outputs[0].text == "begun\n"
