"""What an execution costs its worker as long as it waits with a live kernel, and after it."""

import sys

import pytest

from flowkernel.client.client import Client
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
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
        client.act(child.execution_id, "cancel")


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
