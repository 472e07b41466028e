"""The command, with real kernels."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import kill_engine, until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("client")]

COMMAND = [sys.executable, "-m", "flowkernel"]
SLOW = "import time\nprint('begin', flush=True)\nfor _ in range(600): time.sleep(0.1)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the command, with scripts that succeed, fail and run long."""
    (tmp_path / "good.py").write_text(
        "this.log('got', inputs)\nthis.set_output(x=inputs.get('x'))\n"
    )
    (tmp_path / "bad.py").write_text("raise ValueError('no <b>luck</b>')\n")
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "parent.py").write_text(
        "this.flow('good.py', x=1)\n"
        "try:\n    this.flow('bad.py')\nexcept Exception as error:\n    this.log(error)\n"
    )
    return tmp_path


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def start_command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command without waiting; it is killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start_command(*words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen([*COMMAND, *words], stdout=pipe, stderr=pipe, text=True)
        )
        return started[-1]

    yield start_command
    for process in started:
        process.kill()
        process.communicate()


def test_a_pipe_gets_a_line_for_each_change_and_then_the_tree(folder):
    process = command("run", "parent.py")

    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    words = [line.partition(" ")[2] for line in lines]
    for change in (
        "parent running",
        "good queued",
        "good succeeded",
        "parent succeeded",
    ):
        assert change in words
    assert "bad failed" in process.stdout
    assert [line.split()[1] for line in lines[-3:-2]] == ["parent"]
    assert lines[-2].startswith("├─ ✔ good  succeeded")
    assert lines[-1].startswith("└─ ✖ bad  failed")


def test_inputs_have_the_types_they_look_like(folder):
    pairs = ["-p", "x", "1", "-p", "y=2.5", "-p", "z", "true", "-p", "text", "hello"]

    process = command(
        "run", "good.py", *pairs, "-p", "list", '[1, {"a": null}]', "--json"
    )

    record = json.loads(process.stdout)
    assert process.returncode == 0
    assert record["status"] == "ENDED_SUCCESS"
    assert record["inputs"] == {
        "x": 1,
        "y": 2.5,
        "z": True,
        "text": "hello",
        "list": [1, {"a": None}],
    }
    assert record["output"] == {"x": 1}


def test_a_failure_is_exit_code_1_and_a_sentence(folder):
    process = command("run", "bad.py", "--name", "unlucky")

    assert process.returncode == 1
    assert process.stderr.startswith("'unlucky' failed: ")
    assert "ValueError: no <b>luck</b>" in process.stderr
    output = command("execution", "show", process.stderr.split("`")[1].split()[-1])
    assert "ValueError" in output.stdout
    assert "error" in output.stdout


def test_a_failure_as_json_is_the_record(folder):
    process = command("run", "bad.py", "--json")

    assert process.returncode == 1
    assert json.loads(process.stdout)["status"] == "ENDED_ERROR"
    assert process.stderr == ""


def test_an_interrupt_in_a_pipe_cancels(folder, start_command):
    process = start_command("run", "slow.py")
    until(lambda: "slow running" in process.stdout.readline(), description="running")

    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "slow  cancelled" in out
    assert err == "'slow' was cancelled.\n"


def test_no_wait_prints_the_id_and_the_log_can_be_followed(
    folder, client, start_command
):
    execution_id = command("run", "slow.py", "--no-wait").stdout.strip()
    log = start_command("execution", "log", "-f", execution_id[-8:])
    assert log.stdout.readline().endswith(" stdout  begin\n")

    assert command("execution", "cancel", execution_id).returncode == 0

    _out, note = log.communicate(timeout=30)
    assert (log.returncode, note) == (0, "'slow' was cancelled.\n")
    assert client.get_execution(execution_id).status == "ENDED_CANCELLED"


def test_a_retry_waits_and_says_which_source_it_takes(folder):
    failed = json.loads(command("run", "bad.py", "--json").stdout)
    retry = ("execution", "retry", failed["execution_id"])
    (folder / "bad.py").write_text("this.set_output(luck=True)\n")

    recorded = command(*retry)

    assert recorded.returncode == 1
    assert "bad.py' has changed since that run. This run takes the" in recorded.stderr
    assert "✖ bad  failed" in recorded.stdout
    current = command(*retry, "--source", "current", "--json")
    assert current.returncode == 0
    record = json.loads(current.stdout)
    assert record["retry_of"] == failed["execution_id"]
    assert record["output"] == {"luck": True}


def test_a_retry_need_not_be_waited_for(folder):
    first = json.loads(command("run", "good.py", "--json").stdout)

    process = command("execution", "retry", first["execution_id"], "--no-wait")

    assert process.returncode == 0
    assert "Started 'good' again as " in process.stdout
    assert process.stderr == ""


def test_the_tree_goes_on_when_the_engine_is_killed(folder, home, start_command):
    (folder / "steps.py").write_text(
        "import time\nfor n in range(40):\n    print(n, flush=True)\n    time.sleep(0.1)\n"
        "this.flow('good.py', x=2)\n"
    )
    process = start_command("run", "steps.py")
    until(lambda: "steps running" in process.stdout.readline(), description="running")

    kill_engine(home)

    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert "✔ steps  succeeded" in out
    assert "└─ ✔ good  succeeded" in out


def test_on_a_terminal_the_tree_is_redrawn_and_an_interrupt_asks(folder):
    import pexpect  # Comes with IPython, wherever there are terminals.

    environ: dict[str, Any] = {**os.environ, "TERM": "xterm"}
    terminal = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "run", "slow.py"],
        encoding="utf-8",
        env=environ,
        timeout=30,
    )
    terminal.expect("begin")

    terminal.sendintr()
    terminal.expect(r"Cancel 'slow' too\? \[y/N\]")
    terminal.sendline("y")

    terminal.expect("cancelled")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 3
