"""What the command promises, with real kernels."""

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
    """Where the command runs, with scripts that end well, badly and late."""
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
def beside() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command and go on; whatever still runs is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def beside(*words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen([*COMMAND, *words], stdout=pipe, stderr=pipe, text=True)
        )
        return started[-1]

    yield beside
    for process in started:
        process.kill()
        process.communicate()


def test_a_pipe_gets_a_line_for_each_change_and_then_the_tree(folder):
    done = command("run", "parent.py")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    words = [line.partition(" ")[2] for line in lines]
    for change in (
        "parent running",
        "good queued",
        "good succeeded",
        "parent succeeded",
    ):
        assert change in words
    assert "bad failed" in done.stdout
    assert [line.split()[1] for line in lines[-3:-2]] == ["parent"]
    assert lines[-2].startswith("├─ ✔ good  succeeded")
    assert lines[-1].startswith("└─ ✖ bad  failed")


def test_inputs_are_what_they_look_like(folder):
    pairs = "-p x 1 -p y=2.5 -p z true -p text hello".split()

    done = command("run", "good.py", *pairs, "-p", "list", '[1, {"a": null}]', "--json")

    record = json.loads(done.stdout)
    assert done.returncode == 0
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
    done = command("run", "bad.py", "--name", "unlucky")

    assert done.returncode == 1
    assert done.stderr.startswith("'unlucky' failed: ")
    assert "ValueError: no <b>luck</b>" in done.stderr
    shown = command("execution", "show", done.stderr.split("`")[1].split()[-1])
    assert "ValueError" in shown.stdout
    assert "error" in shown.stdout


def test_a_failure_as_json_is_the_record(folder):
    done = command("run", "bad.py", "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "ENDED_ERROR"
    assert done.stderr == ""


def test_an_interrupt_in_a_pipe_cancels(folder, beside):
    process = beside("run", "slow.py")
    until(lambda: "slow running" in process.stdout.readline(), description="running")

    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "slow  cancelled" in out
    assert err == "'slow' was cancelled.\n"


def test_no_wait_prints_the_id_and_the_log_can_be_followed(folder, client, beside):
    execution_id = command("run", "slow.py", "--no-wait").stdout.strip()
    log = beside("execution", "log", "-f", execution_id[-8:])
    assert log.stdout.readline() == "begin\n"

    assert command("execution", "cancel", execution_id).returncode == 0

    assert log.wait(timeout=30) == 0
    assert client.get_execution(execution_id).status == "ENDED_CANCELLED"


def test_a_failed_one_can_be_tried_again(folder, client):
    failed = json.loads(command("run", "bad.py", "--json").stdout)

    done = command("execution", "retry", failed["execution_id"], "--json")

    assert json.loads(done.stdout)["retry_of"] == failed["execution_id"]


def test_the_tree_goes_on_when_the_engine_is_killed(folder, home, beside):
    (folder / "steps.py").write_text(
        "import time\nfor n in range(40):\n    print(n, flush=True)\n    time.sleep(0.1)\n"
        "this.flow('good.py', x=2)\n"
    )
    process = beside("run", "steps.py")
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
