"""After a crash acknowledged requests stay, runs go on, and dead kernels are reported."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from flowkernel.client.client import Client
from flowkernel.client.watch import follow
from flowkernel.core.models import OnLost
from flowkernel.core.report_limits import ERROR_NAME_CHARACTERS
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.acceptance.flows import register_cell, start_flow, write_notebook
from tests.conftest import engines_of, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

COUNTED = """
import os, pathlib
def count(name):
    path = pathlib.Path(inputs['folder']) / name
    path.write_text(path.read_text() + 'x' if path.exists() else 'x')
"""


@pytest.fixture
def crash_client(monkeypatch, own_home):
    """A client of an engine with four slots, for one test."""
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "4")
    client = Client(own_home)
    yield client
    client.close()


def wait_until_running(execution):
    return until(
        lambda: (
            execution.status is S.RUNNING
            and execution._client.cell_runs(execution.execution_id)
        ),
        description="a running cell",
    )


def pipes_of(process):
    with suppress(psutil.Error, OSError):
        folder = Path(f"/proc/{process.pid}/fd")
        links = (os.readlink(file) for file in folder.iterdir())
        return {link for link in links if link.startswith("pipe:")}
    return set()


def children_of(worker):
    """The ids of its processes; none if it is gone."""
    with suppress(psutil.NoSuchProcess):
        return {child.pid for child in worker.children()}
    return set()


def kernels_of(home):
    """The kernels of a home: children of a worker, or forked, with a pipe to a worker."""
    kernels = []
    for worker in workers_of(home):
        lifelines, children = pipes_of(worker), children_of(worker)
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # It may be ending.
                command = " ".join(process.cmdline())
                if process.pid in children and "ipykernel_launcher" in command:
                    kernels.append(process)
                if "flowkernel.kernels" in command and lifelines & pipes_of(process):
                    kernels.append(process)
    return kernels


def test_an_engine_killed_with_fifty_runs_loses_nothing(crash_client, own_home):
    register_cell(crash_client, "child", "this.set_output(n=inputs['n'])")
    register_cell(
        crash_client,
        "work",
        "this.set_output(began=True)\n"
        "child = this.flow('child', n=inputs['n'])\n"
        "this.set_output(n=child.output['n'])",
    )
    acknowledged = [start_flow(crash_client, "work", n=n) for n in range(50)]
    until(
        lambda: (
            crash_client.sql(
                "select count(*) from execution where ended_at is not null"
            )["rows"][0][0]
            >= 4
        ),
        seconds=120,
    )

    first = kill_engine(own_home)
    late = [start_flow(crash_client, "work", n=n) for n in range(50, 53)]

    for execution in acknowledged + late:
        execution.wait(ReturnWhen.ALL_ENDED, timeout=170)
    outputs = [execution.output for execution in acknowledged + late]
    assert outputs == [{"began": True, "n": n} for n in range(53)]
    counts = crash_client.sql(
        "select count(*), count(distinct execution_id), max(losses) from execution"
    )["rows"]
    assert counts == [[106, 106, 0]]
    duplicates = crash_client.sql(
        "select count(*) from (select event_id from event group by all having count(*) > 1)"
    )["rows"]
    assert duplicates == [[0]]
    assert crash_client.get("/engine")["pid"] != first
    assert len(engines_of(own_home)) == 1


def test_a_killed_kernel_ends_the_execution_within_two_seconds(crash_client, own_home):
    register_cell(crash_client, "long", "import time\ntime.sleep(600)")
    execution = start_flow(crash_client, "long")
    wait_until_running(execution)
    [kernel] = kernels_of(own_home)

    os.kill(kernel.pid, signal.SIGKILL)
    killed = time.monotonic()
    execution.wait(ReturnWhen.ALL_ENDED, timeout=20)

    assert time.monotonic() - killed < 2.0
    assert execution.get("status", "message") == (
        S.ENDED_ERROR,
        "Cell 1 of 1: the kernel died (killed by signal 9).",
    )
    [cell_run] = crash_client.cell_runs(execution.execution_id)
    assert cell_run.status == "KERNEL_DIED"


def test_the_run_of_a_killed_worker_starts_again_and_keeps_its_children(
    crash_client, own_home, tmp_path
):
    register_cell(
        crash_client,
        "child",
        COUNTED + "count('child')\nthis.set_output(n=inputs['n'])",
    )
    register_cell(
        crash_client,
        "parent",
        COUNTED
        + "count('parent')\n"
        + "n = [this.flow('child', n=n, folder=inputs['folder']).output['n']"
        + " for n in range(3)]\n"
        + "import time\n"
        + "while not (pathlib.Path(inputs['folder']) / 'go').exists(): time.sleep(0.05)\n"
        + "this.set_output(n=n)",
    )
    execution = start_flow(crash_client, "parent", folder=str(tmp_path))
    until(lambda: len(execution.children) == 3 and execution.status is S.RUNNING)
    until(lambda: all(c.status is S.ENDED_SUCCESS for c in execution.children))
    [worker] = workers_of(own_home)
    kernels = kernels_of(own_home)

    worker.kill()
    killed = time.monotonic()
    until(lambda: execution.load("losses") == 1, seconds=15, description="queued again")

    assert time.monotonic() - killed < 15
    (tmp_path / "go").touch()
    execution.wait(timeout=60)
    assert execution.output == {"n": [0, 1, 2]}
    assert (tmp_path / "child").read_text() == "xxx"
    assert (tmp_path / "parent").read_text() == "xx"
    count = crash_client.sql("select count(*) from cell_run where status = 'LOST'")[
        "rows"
    ]
    assert count == [[1]]
    _ended, alive = psutil.wait_procs(kernels, timeout=10)
    assert alive == []


def test_a_lost_execution_ends_as_its_flow_says(crash_client, own_home):
    register_cell(
        crash_client, "once", "import time\ntime.sleep(600)", on_lost=OnLost.FAIL
    )
    execution = start_flow(crash_client, "once")
    wait_until_running(execution)

    workers_of(own_home)[0].kill()
    execution.wait(ReturnWhen.ALL_ENDED, timeout=20)

    assert execution.get("status", "message") == (
        S.ENDED_ERROR,
        "Its worker was lost, and the flow says on_lost=fail.",
    )


def test_a_run_that_loses_its_worker_too_often_is_not_started_again(
    monkeypatch, crash_client, own_home
):
    monkeypatch.setenv("FLOWKERNEL_MAX_LOSSES", "1")
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    register_cell(
        crash_client,
        "poison",
        "import os, signal\nos.kill(int(os.environ['JPY_PARENT_PID']), signal.SIGKILL)",
    )

    execution = start_flow(crash_client, "poison").wait(
        ReturnWhen.ALL_ENDED, timeout=90
    )

    message = execution.get("message")
    assert message == "Its worker was lost 2 times; it is not run again."


def test_an_error_whose_name_is_huge_ends_its_execution(crash_client, tmp_path):
    """The report of it is bounded: an engine that refuses it would run it for ever."""
    source = (
        COUNTED + "count('ran')\nraise type('A' * 5_000_000, (Exception,), {})('x')"
    )
    register_cell(crash_client, "huge", source)

    execution = start_flow(crash_client, "huge", folder=str(tmp_path))

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    record = crash_client.get_execution(execution.execution_id)
    assert (record.status, record.losses) == (S.ENDED_ERROR, 0)
    assert record.error.name.startswith("AAA")
    assert len(record.error.name) == ERROR_NAME_CHARACTERS
    assert (tmp_path / "ran").read_text() == "x"


def test_a_cancelled_parent_cancels_its_children(crash_client, own_home):
    register_cell(crash_client, "child", "import time\ntime.sleep(600)")
    register_cell(crash_client, "parent", "this.flow('child')")
    execution = start_flow(crash_client, "parent")
    [child] = until(lambda: [c for c in execution.children if c.status is S.RUNNING])
    wait_until_running(child)

    execution.cancel()
    execution.wait(ReturnWhen.ALL_ENDED, timeout=20)

    until(lambda: child.status is S.ENDED_CANCELLED)
    assert execution.get("status", "message") == (
        S.ENDED_CANCELLED,
        f"Cancelled by {crash_client.started_by}.",
    )
    assert child.load("message") == "Cancelled with 'parent'."
    until(lambda: not kernels_of(own_home), description="no kernel is left")


def test_a_cell_that_ignores_the_interrupt_is_killed(monkeypatch, crash_client):
    monkeypatch.setenv("FLOWKERNEL_CANCEL_GRACE", "1")
    source = (
        "import time\n"
        "while True:\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        pass"
    )
    register_cell(crash_client, "stubborn", source)
    execution = start_flow(crash_client, "stubborn")
    wait_until_running(execution)

    execution.cancel().wait(ReturnWhen.ALL_ENDED, timeout=20)

    assert execution.status is S.ENDED_CANCELLED


@pytest.mark.parametrize(
    "call", ["print('x' * 100_000)", "display(HTML('x' * 100_000))"]
)
def test_endless_output_is_cancelled_within_the_grace(monkeypatch, crash_client, call):
    monkeypatch.setenv("FLOWKERNEL_CANCEL_GRACE", "20")
    source = f"from IPython.display import HTML, display\nwhile True: {call}"
    register_cell(crash_client, "endless", source)
    execution = start_flow(crash_client, "endless")
    wait_until_running(execution)
    until(lambda: crash_client.log(execution.execution_id))

    execution.cancel().wait(ReturnWhen.ALL_ENDED, timeout=20)

    assert execution.status is S.ENDED_CANCELLED


def test_a_mistake_in_the_configuration_does_not_stop_workers(crash_client, own_home):
    """They have that of the engine, which was read before."""
    crash_client.get("/engine")
    (own_home.path / "config.toml").write_text("slotz = 2")

    register_cell(crash_client, "one", "1")
    execution = start_flow(crash_client, "one")

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    assert execution.status is S.ENDED_SUCCESS


def test_a_last_cell_that_catches_the_interrupt_is_still_cancelled(crash_client):
    source = (
        "import time\n"
        "try:\n"
        "    time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    print('caught')"
    )
    register_cell(crash_client, "catcher", source)
    execution = start_flow(crash_client, "catcher")
    wait_until_running(execution)

    execution.cancel().wait(ReturnWhen.ALL_ENDED, timeout=20)

    assert execution.status is S.ENDED_CANCELLED


def test_children_that_start_during_the_cancel_are_cancelled(crash_client):
    register_cell(crash_client, "slow", "this.sleep(600)")
    register_cell(
        crash_client,
        "busy",
        "import threading\n"
        "def start():\n"
        "    while True: this.flow('slow', wait=False)\n"
        "threads = [threading.Thread(target=start, daemon=True) for _ in range(6)]\n"
        "[thread.start() for thread in threads]\n"
        "threads[0].join()",
    )
    execution = start_flow(crash_client, "busy")
    until(lambda: len(execution.children) > 10)

    execution.cancel().wait(ReturnWhen.ALL_ENDED, timeout=30)

    until(
        lambda: all(c.load("status") == S.ENDED_CANCELLED for c in execution.children)
    )


def test_a_paused_execution_stays_paused_when_its_worker_is_lost(gated, tmp_path):
    gated.pause()
    (tmp_path / "go").touch()
    until(lambda: gated.status is S.PAUSED)

    workers_of(gated._client.home)[0].kill()
    until(lambda: gated.load("losses") == 1, seconds=20)

    assert gated.load("status") == S.PAUSED
    gated.resume()
    assert gated.wait(timeout=30).output == {"done": True}


def test_a_queued_execution_is_cancelled_at_once(monkeypatch, crash_client):
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "1")
    register_cell(crash_client, "long", "import time\ntime.sleep(600)")
    first, second = start_flow(crash_client, "long"), start_flow(crash_client, "long")
    wait_until_running(first)

    second.cancel()

    assert second.status is S.ENDED_CANCELLED


@pytest.fixture
def gated(crash_client, tmp_path):
    """A running execution whose first cell ends when the file `go` exists."""
    wait = (
        f"import time, os\nwhile not os.path.exists('{tmp_path}/go'): time.sleep(0.05)"
    )
    path = write_notebook(tmp_path / "two.ipynb", wait, "this.set_output(done=True)")
    execution = start_flow(crash_client, path)
    wait_until_running(execution)
    return execution


def test_a_paused_execution_stops_between_cells_and_goes_on(gated, tmp_path):
    gated.pause()
    (tmp_path / "go").touch()
    until(lambda: gated.status is S.PAUSED)
    gated.resume()

    assert gated.wait(timeout=20).output == {"done": True}


def test_a_pause_that_is_withdrawn_stops_nothing(gated, tmp_path):
    gated.pause()
    until(lambda: gated.load("requested_action") == "pause")
    gated.resume()
    (tmp_path / "go").touch()

    assert gated.wait(timeout=20).output == {"done": True}


def test_a_retry_runs_no_child_twice_that_succeeded(crash_client, tmp_path):
    register_cell(crash_client, "child", COUNTED + "count('child')")
    register_cell(
        crash_client,
        "parent",
        "import pathlib\n"
        "this.flow('child', folder=inputs['folder'])\n"
        "assert (pathlib.Path(inputs['folder']) / 'file').exists(), 'not yet'",
    )
    failed = start_flow(crash_client, "parent", folder=str(tmp_path))
    failed.wait(ReturnWhen.ALL_ENDED, timeout=60)
    (tmp_path / "file").touch()

    retry = crash_client.act(failed.execution_id, "retry")
    execution = Execution(crash_client, retry.execution_id).wait(timeout=60)

    assert failed.status is S.ENDED_ERROR
    assert execution.get("status", "retry_of") == (S.ENDED_SUCCESS, failed.execution_id)
    assert (tmp_path / "child").read_text() == "x"


GOES_ON = """
import os, pathlib, time
folder = pathlib.Path(inputs['folder'])
(folder / 'goes on').write_text(str(os.getpid()))
while True:
    time.sleep(0.05)
"""


def test_a_retry_adopts_what_goes_on_and_a_cancel_of_it_reaches_that(
    crash_client, tmp_path
):
    register_cell(crash_client, "goes_on", GOES_ON)
    register_cell(
        crash_client,
        "parent",
        "import os, pathlib\n"
        "(pathlib.Path(inputs['folder']) / 'parent').write_text(str(os.getpid()))\n"
        "this.flow('goes_on', folder=inputs['folder'])",
    )
    first = start_flow(crash_client, "parent", folder=str(tmp_path))
    child_pid = until(lambda: pid_in(tmp_path / "goes on"))
    os.kill(pid_in(tmp_path / "parent"), signal.SIGKILL)
    first.wait(ReturnWhen.ALL_ENDED, timeout=60)
    [child] = first.children

    retry = crash_client.act(first.execution_id, "retry")
    again = Execution(crash_client, retry.execution_id)
    watched = follow(crash_client, again.execution_id)
    adopted = next(tree for tree in watched if child.execution_id in tree.executions)

    assert adopted.executions[child.execution_id].adopted_by == again.execution_id
    assert [e.execution_id for e in first.children] == [child.execution_id]
    crash_client.act(again.execution_id, "cancel")
    *_, last = watched
    assert [(line.depth, line.status) for line in last.lines()] == [
        (0, S.ENDED_CANCELLED),
        (1, S.ENDED_CANCELLED),
    ]
    assert pid_in(tmp_path / "goes on") == child_pid
    until(lambda: not psutil.pid_exists(child_pid))


def pid_in(path):
    """The pid that a flow has written; None: not yet."""
    return int(path.read_text()) if path.exists() and path.read_text() else None
