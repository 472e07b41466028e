"""A kernel is kept after the end of its run: people look at its variables, and release it."""

from contextlib import contextmanager

import pytest

from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.process_id import is_alive
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from flowkernel.kernels.parked.attach import manager_of
from flowkernel.kernels.parked.registry import find_parked, list_parked
from tests.acceptance.flows import write_notebook
from tests.acceptance.test_attach import connected
from tests.conftest import a_home, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

CELLS = ["price = 3", "this.set_output(price=price)"]


@pytest.fixture
def client(tmp_path):
    """A client of a home that keeps one kernel."""
    with a_home(tmp_path) as home:
        home.prepare()
        (home.path / "config.toml").write_text("parked_kernels = 1\nlease = 1.0\n")
        client = Client(home, started_by="ada (notebook)")
        yield client
        client.close()


@pytest.fixture
def keep(client, tmp_path):
    """Run a notebook to its end, with its kernel kept; the run."""

    def keep(*sources):
        path = write_notebook(tmp_path / "sums.ipynb", *(sources or CELLS))
        request = start_request(str(path), {}) | {"keep_kernel": True}
        execution = Execution(client, client.start(request).execution_id)
        return execution.wait(ReturnWhen.ALL_ENDED, timeout=60)

    return keep


@contextmanager
def attached(client, execution):
    manager = manager_of(execution.execution_id, home=client.home.path)
    manager.start_kernel()
    with connected(manager) as guest:
        yield guest
    manager.shutdown_kernel()


def is_kept(execution):
    return execution.load("parked_until") is not None


def test_its_variables_are_there_until_it_is_released_or_another_needs_its_place(
    client, keep
):
    first = keep()
    assert (first.status, first.output) == ("ENDED_SUCCESS", {"price": 3})
    first_kernel = find_parked(client.home.path, first.execution_id)
    with attached(client, first) as guest:
        assert guest.value("price") == "3"
        guest.execute("price = 4")
        guest.client.shutdown()
    with attached(client, first) as guest:
        assert guest.value("price") == "4"
    assert first.output == {"price": 3}

    failed = keep("price = 5", "1 / 0")

    until(lambda: not is_kept(first), description="the older one is released")
    until(lambda: not first_kernel.is_alive, description="and ends")
    with attached(client, failed) as guest:
        assert guest.value("price") == "5"
    kernel = find_parked(client.home.path, failed.execution_id)
    failed.release_kernel()
    assert not is_kept(failed)
    until(lambda: not is_alive(kernel.pid, kernel.process_started_at))
    assert list_parked(client.home.path) == []


def test_it_outlives_the_engine_and_not_its_worker(client, keep):
    execution = keep()

    kill_engine(client.home)

    assert is_kept(execution)  # As the next engine says.
    with attached(client, execution) as guest:
        assert guest.value("price") == "3"
    for worker in workers_of(client.home):
        worker.kill()
    until(lambda: not is_kept(execution), description="it is gone with its worker")
