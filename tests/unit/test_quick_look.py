"""A look at an engine that is away, hangs, or answers: nobody waits for long."""

import json
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flowkernel.client import quick_look
from flowkernel.client.client import Client
from flowkernel.client.quick_look import QuickClient, quick_record
from flowkernel.core.errors import EngineUnreachable
from flowkernel.flow_api import Execution
from flowkernel.home import Home
from tests.records import an_execution
from tests.stage import ENGINE_FILE

ID = "01900000-0000-7000-8000-00001eacc1a0"
RECORD = an_execution(ID).to_json()


@pytest.fixture
def client(tmp_path):
    quick_look._silent_at.clear()
    home = Home(tmp_path / "home")
    home.prepare()
    return Client(home)


@pytest.fixture
def publish(client):
    """Say in the home where its engine is."""

    def publish(port):
        url, home = f"http://127.0.0.1:{port}", str(client.home.path.resolve())
        replace(ENGINE_FILE, url=url, home=home).write(client.home)

    return publish


@pytest.fixture
def answering(publish):
    """An engine that says that everything has succeeded."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = json.dumps({**RECORD, "status": "ENDED_SUCCESS"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        publish(server.server_port)
        yield
        server.shutdown()


@pytest.fixture
def hanging(publish, monkeypatch):
    """An engine that takes the connection, and says nothing."""
    monkeypatch.setattr(quick_look, "LOOK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        publish(server.getsockname()[1])
        yield


def test_the_text_of_an_execution_is_its_state_of_now(client, answering):
    execution = Execution(client, ID, RECORD)

    assert repr(execution) == "<Execution 'report' succeeded (01900000-0000-7000)>"
    assert execution.get("status") == "ENDED_SUCCESS"


def test_without_an_engine_it_is_the_last_one_known_and_says_since_when(client):
    text = repr(Execution(client, ID, RECORD))

    clock = time.strftime("%H:")
    assert text.startswith(
        f"<Execution 'report' running (01900000-0000-7000), as of {clock}"
    )
    assert not client.home.engine_file.exists()


def test_of_an_engine_that_hangs_it_is_the_last_one_known(client, hanging):
    assert "running (01900000-0000-7000), as of" in repr(Execution(client, ID, RECORD))


def test_an_engine_that_hangs_is_waited_for_once(client, hanging):
    start = time.monotonic()
    texts = [repr(Execution(client, ID, RECORD)) for _ in range(100)]

    assert len(texts) == 100
    assert time.monotonic() - start < 2


def test_what_has_ended_is_not_looked_up(client):
    ended = {**RECORD, "status": "ENDED_ERROR", "status_message": "no"}

    assert repr(Execution(client, ID, ended)) == (
        "<Execution 'report' failed: no (01900000-0000-7000)>"
    )


def test_without_a_record_it_is_the_id(client):
    assert repr(Execution(client, ID)) == f"<Execution {ID}>"
    assert quick_record(client, ID) is None


def test_a_quick_client_asks_once_and_does_not_wait(client, hanging):
    start = time.monotonic()
    with pytest.raises(EngineUnreachable):
        QuickClient(client.home).list_flows()

    assert time.monotonic() - start < 1


def test_a_quick_client_gets_what_an_engine_answers_and_starts_none(client, publish):
    with pytest.raises(EngineUnreachable):
        QuickClient(client.home).get_execution(ID)
    assert not client.home.engine_file.exists()


def test_a_quick_client_reads_what_it_is_told(client, answering):
    assert QuickClient(client.home).get_execution(ID).flow_name == "report"
