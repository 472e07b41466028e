"""What the client sends again, and what it does not."""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flowkernel.client import client as client_module
from flowkernel.client.client import Client
from flowkernel.core.errors import EngineBusy, EngineUnreachable
from flowkernel.home import EngineFile, Home


class Handler(BaseHTTPRequestHandler):
    """Answers each request with what `server.responses` gives next."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        status, headers, body = self.server.responses.pop(0)
        if status == "silent":
            self.server.silence.wait(5)
            self.close_connection = True
            return
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words):
        """Say nothing."""


@pytest.fixture
def server():
    """An engine that says what it was told to say."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.paths, server.responses = [], []
        server.silence = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.silence.set()
        server.shutdown()


@pytest.fixture
def client(server, tmp_path, monkeypatch):
    home = Home(tmp_path / "home")
    engine = EngineFile(
        url=f"http://127.0.0.1:{server.server_port}", token="t", pid=os.getpid(),
        process_started_at=0.0, version="0", interpreter="", home="",
    )  # fmt: skip
    monkeypatch.setattr(EngineFile, "read", lambda *_of, **_more: engine)
    client = Client(home, started_by="test")
    client.starts_engine = False
    yield client
    client.close()


BUSY = {"code": "EngineBusy", "message": "Send it again."}


def test_a_query_whose_response_is_late_is_not_asked_again(server, client, monkeypatch):
    monkeypatch.setattr(client_module, "SQL_SECONDS", 0.2)
    server.responses = [("silent", {}, None)] * 3

    with pytest.raises(EngineUnreachable, match="does not answer"):
        client.sql("SELECT 1")

    assert server.paths == ["/api/latest/sql"]


def test_another_request_whose_response_is_late_is_sent_again(server, client):
    server.responses = [("silent", {}, None), (200, {}, {"is": "done"})]

    assert client.post("/execution/x/log", {"text": "a"}, seconds=0.2) == {"is": "done"}

    assert len(server.paths) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_engine_is_asked_again_when_it_says(server, client, status):
    server.responses = [
        (status, {"retry-after": "1"}, BUSY),
        (200, {}, {"columns": []}),
    ]
    start = time.monotonic()

    assert client.sql("SELECT 1") == {"columns": []}

    assert time.monotonic() - start >= 1
    assert len(server.paths) == 2


def test_an_engine_that_stays_busy_is_not_asked_for_ever(server, client, monkeypatch):
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 0.5)
    server.responses = [(503, {"retry-after": "1"}, BUSY)] * 9

    with pytest.raises(EngineBusy, match="Send it again"):
        client.post("/flow", {})

    assert len(server.paths) == 2


def test_busy_without_a_time_is_an_answer(server, client):
    server.responses = [(503, {}, BUSY)]

    with pytest.raises(EngineBusy):
        client.post("/flow", {})
