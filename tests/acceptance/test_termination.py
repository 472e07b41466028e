"""A supervisor ends a run by SIGTERM: it is cancelled, or continues if that was said."""

import os
import signal
import subprocess
import sys
from contextlib import closing

import nbformat
import pytest

from flowkernel.client.client import Client
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


def a_terminal(*words):
    """A command on a terminal of a person."""
    import pexpect  # Comes with IPython, wherever there are terminals.

    return pexpect.spawn(
        sys.executable,
        ["-m", "flowkernel", *words],
        encoding="utf-8",
        env={**os.environ, "TERM": "xterm"},
        timeout=30,
    )


def test_ctrl_c_while_the_engine_starts_says_that_nothing_was_started(
    own_home, tmp_path
):
    (tmp_path / "slow.py").write_text(SLOW)
    terminal = a_terminal("run", "slow.py")
    terminal.expect_exact("Starting the engine ...")

    terminal.sendintr()

    terminal.expect_exact(
        "Interrupted. Nothing was started. The engine goes on starting"
    )
    terminal.wait()
    assert (terminal.exitstatus, terminal.signalstatus) == (130, None)
    with closing(Client(own_home)) as person:
        assert person.list_executions() == []


@pytest.mark.parametrize("status", [None, S.RUNNING])
def test_ctrl_c_as_soon_as_a_run_exists_asks(client, tmp_path, status):
    (tmp_path / "slow.py").write_text(SLOW)
    terminal = a_terminal("run", "slow.py", "--name", f"slow {status}")
    until(
        lambda: [
            execution
            for execution in client.list_executions(limit=1, status=status)
            if execution.name == f"slow {status}"
        ]
    )

    terminal.sendintr()

    terminal.expect_exact(f"Cancel 'slow {status}' too? [y/N]")
    terminal.sendline("n")
    terminal.expect_exact("It continues. `flowkernel execution tree ")
    terminal.wait()
    assert terminal.exitstatus == 130
    [execution, *_] = client.list_executions(limit=1)
    client.act(execution.execution_id, "cancel")
