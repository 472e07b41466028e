"""What an engine does in which thread, and what its log has of its own errors."""

import threading

import pytest

from flowkernel.client.flow_source import start_request
from flowkernel.core.errors import EngineFault
from flowkernel.core.models import Flow, FlowKind
from flowkernel.store import Store
from tests.conftest import until
from tests.stage import PlayedWorker, engine_in_process


@pytest.fixture
def client(own_home):
    with engine_in_process(own_home) as client:
        yield client


def test_the_source_of_what_is_started_is_not_read_in_the_event_loop(
    client, monkeypatch
):
    """It may be read from the tables, and everybody else would wait."""
    threads, get_version = [], Store.get_version

    def read(store, version):
        threads.append(threading.current_thread().name)
        return get_version(store, version)

    monkeypatch.setattr(Store, "get_version", read)
    client.register(Flow(name="report", kind=FlowKind.CELL, source="1"))
    client.start(start_request("report", {}))
    worker = PlayedWorker(client)

    until(lambda: worker.poll() and worker.holding)

    assert threads
    assert all(name.startswith("request") for name in threads)


def test_an_error_of_the_engine_itself_is_in_its_log(client, monkeypatch, caplog):
    def fail(_store, _name):
        raise EngineFault("The database is broken.")

    monkeypatch.setattr(Store, "get_flow", fail)

    with pytest.raises(EngineFault, match="The database is broken"):
        client.get_flow("report")

    assert (
        "GET /api/latest/flow/report failed: The database is broken." in caplog.messages
    )
