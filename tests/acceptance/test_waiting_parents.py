"""What an execution costs its worker as long as it waits with a live kernel, and after it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance import kernels
from tests.acceptance.flows import register_cell, start_flow
from tests.conftest import until, workers_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(sys.platform != "linux", reason="counts files in /proc"),
]
#: What one may cost, at most.
FILES, THREADS = 8, 1
PARENTS = 10
#: What the worker itself may open and start meanwhile, for all of them.
OWN_FILES, OWN_THREADS = 6, 4
PARENT = (
    "child = this.flow('gate', key='gate', wait=False, run=False)\n"
    "this.wait_for(child, return_when=system.return_when.ALL_ENDED)"
)


@pytest.fixture
def client(own_home):
    """A client of an engine whose worker has run something already."""
    client = Client(own_home)
    register_cell(client, "gate", "1")
    register_cell(client, "parent", PARENT)
    start_flow(client, "gate").wait(timeout=60)
    yield client
    client.close()


def open_gates(client):
    for child in client.list_executions(flow_name="gate", status="PENDING"):
        with suppress(FlowkernelError):  # Its parent has just ended.
            client.act(child.execution_id, "cancel")


#: Starts an engine whose processes can open so few files.
FEW_FILES = """
import resource, sys
from pathlib import Path
from flowkernel.client.engine_launcher import ensure_engine
from flowkernel.home import Home
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
ensure_engine(Home(Path(sys.argv[1])))
"""


def test_a_parent_that_waits_costs_its_worker_eight_files_and_a_thread(
    client, own_home
):
    [worker] = workers_of(own_home)
    files, threads = worker.num_fds(), worker.num_threads()

    parents = [start_flow(client, "parent") for _ in range(PARENTS)]
    until(lambda: all(parent.status is S.WAITING for parent in parents))

    assert worker.num_fds() - files <= PARENTS * FILES + OWN_FILES
    assert worker.num_threads() - threads <= PARENTS * THREADS + OWN_THREADS

    open_gates(client)
    for parent in parents:
        parent.wait(ReturnWhen.ALL_ENDED, timeout=60)
    until(lambda: worker.num_fds() <= files + OWN_FILES, seconds=5)
    until(lambda: worker.num_threads() <= threads + OWN_THREADS, seconds=5)


def test_what_has_no_place_waits_in_the_queue_and_says_why(own_home):
    """Also in doctor; and children find a place where no root does."""
    subprocess.run([sys.executable, "-c", FEW_FILES, str(own_home.path)], check=True)
    client = Client(own_home)
    register_cell(client, "gate", "1")
    register_cell(client, "parent", f"this.flow('gate', key='first')\n{PARENT}")

    parents = [start_flow(client, "parent") for _ in range(15)]
    until(lambda: client.get("/engine")["queue_reason"], seconds=60)
    reason = client.get("/engine")["queue_reason"]
    [last] = client.list_executions(flow_name="parent", status="QUEUED", limit=1)

    message = client.get_execution(last.execution_id).status_message
    for sentence in (reason, message):
        assert sentence.startswith("Waits for a free place: the worker has ")
        assert "of 200 files open" in sentence

    def all_ended():
        open_gates(client)
        return all(parent.status.is_ended for parent in parents)

    until(all_ended, seconds=120)
    assert {parent.status for parent in parents} == {S.ENDED_SUCCESS}
    client.close()


@pytest.mark.parametrize("kernel", ["fork", "plain"])
def test_a_kernel_has_the_limit_of_files_of_the_person(own_home, monkeypatch, kernel):
    """Its worker has raised its own."""
    import resource

    monkeypatch.setenv("FLOWKERNEL_KERNEL", kernel)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 10, hard))
    try:
        client = Client(own_home)
        register_cell(
            client,
            "limit",
            "import resource\n"
            "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
            "this.set_output(soft=soft, hard=hard)",
        )
        output = start_flow(client, "limit").wait(timeout=60).output
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert output == {"soft": hard - 10, "hard": hard}
    [worker] = workers_of(own_home)
    assert worker.rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
    client.close()


def test_nothing_is_left_of_a_killed_worker_and_fork_server(
    own_home, own_runtime, monkeypatch
):
    """Once the next ones have started."""
    folder = own_runtime / "t"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    client = Client(own_home)
    register_cell(client, "sleeper", "import time; time.sleep(600)")
    register_cell(client, "gate", "1")
    execution = start_flow(client, "sleeper")
    until(lambda: execution.status is S.RUNNING and len(list(folder.iterdir())) > 2)
    [worker], [server] = workers_of(own_home), kernels.servers(own_runtime)
    client.act(execution.execution_id, "cancel")
    for pid in (worker.pid, server["pid"]):
        os.kill(pid, signal.SIGKILL)
    left, long_ago = set(folder.iterdir()), time.time() - 100
    for path in left:
        with suppress(FileNotFoundError):  # A kernel that was ready removes its own.
            os.utime(path, (long_ago, long_ago))

    start_flow(client, "gate").wait(timeout=60)
    client.post("/engine/stop", {"force": True})

    until(lambda: not left & set(folder.iterdir()))
    client.close()
