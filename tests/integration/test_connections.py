"""Connections that say nothing, or speak slowly, keep nobody out."""

import json
import resource
import socket
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from flowkernel.engine import http_connection, http_server
from flowkernel.engine.api import auth
from flowkernel.home import EngineFile
from tests.conftest import until
from tests.stage import engine_in_process

RECORDED = {"source": {"name": "f", "kind": "CELL", "source": "1"}, "run": False}


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    """Nobody waits ten seconds for a test."""
    monkeypatch.setattr(http_connection, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(http_connection, "BODY_SECONDS", 0.5)


@pytest.fixture
def client(own_home):
    with engine_in_process(own_home) as client:
        yield client


@pytest.fixture
def address(client):
    url = httpx.URL(EngineFile.read(client.home).url)
    return url.host, url.port


@contextmanager
def connection(address, *pieces):
    """A connection on which these bytes were sent."""
    with socket.create_connection(address, timeout=10) as sock:
        for piece in pieces:
            sock.sendall(piece)
        yield sock


def head(client, method="POST", path="/sql", **headers):
    """The head of a request that has the token."""
    token = EngineFile.read(client.home).token
    fields = {
        "Host": "x",
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [
        f"{method} /api/latest{path} HTTP/1.1",
        *(f"{k}: {v}" for k, v in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def response(sock):
    """The status and the sentence of what comes until the connection is closed."""
    content = b""
    while piece := sock.recv(65_536):
        content += piece
    if not content:
        return None, ""
    top, _, body = content.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)["message"]


def test_a_connection_that_says_nothing_is_closed(address):
    with connection(address) as sock:
        assert response(sock) == (408, "No request came within 0.5 seconds.")


@pytest.mark.parametrize(
    "begin", [b"G", b"GET /api", b"\r\n", b"GET / HTTP/1.1\r\nX-a: "]
)
def test_a_head_that_does_not_end_is_refused(address, begin):
    with connection(address, begin) as sock:
        assert response(sock)[0] == 408


def slowly(sock, count=200):
    """Send one byte at a time, until there is a response; the response."""
    sock.settimeout(0.02)
    for _ in range(count):
        with suppress(TimeoutError):
            return sock.recv(65_536)
        sock.sendall(b"G")
    return b""


def test_a_head_that_comes_one_byte_at_a_time_is_refused(address):
    with connection(address) as sock:
        assert slowly(sock).startswith(b"HTTP/1.1 4")


def test_a_head_without_end_that_is_long_is_refused(address):
    with connection(address, b"GET / HTTP/1.1\r\n", b"X-a: ", b"a" * 65_522) as sock:
        assert response(sock) == (431, "The head of the request has over 65,536 bytes.")


def test_what_is_no_http_is_refused_as_everything_else(address):
    with connection(address, b"\x16\x03\x01\x02\x00\r\n\r\n") as sock:
        assert response(sock) == (400, "Invalid HTTP request received.")


def test_the_second_request_of_a_connection_has_to_come_in_time_too(client, address):
    with connection(address, head(client, "GET", "/engine")) as sock:
        assert sock.recv(65_536).startswith(b"HTTP/1.1 200")
        sock.sendall(b"GET /api/lat")

        assert response(sock)[0] == 408


def test_a_body_that_stops_is_refused(client, address):
    with connection(address, head(client, Content_Length=100)) as sock:
        status, sentence = response(sock)

    assert status == 408
    assert sentence.startswith(
        "The body of the request stopped: 0 bytes came within 0.5 s"
    )


def test_a_body_of_one_byte_at_a_time_is_refused(client, address):
    with connection(address, head(client, Content_Length=10_000)) as sock:
        assert slowly(sock).startswith(b"HTTP/1.1 408")


def test_a_body_without_a_token_is_not_waited_for(client, address):
    start = head(client, Content_Length=100, Authorization="Bearer wrong")
    with connection(address, start) as sock:
        assert response(sock)[0] == 401


@pytest.mark.kernel
def test_a_large_body_at_full_speed_is_taken(client):
    source = "#" * (30 * 1024 * 1024)

    record = client.post("/flow", {"name": "f", "kind": "CELL", "source": source})

    assert record["flow_version"]


def test_a_request_that_the_engine_holds_open_is_not_cut(client):
    execution = client.start(
        {"source": {"name": "f", "kind": "CELL", "source": "1"}, "run": False}
    )
    body = {"for": [execution.execution_id], "seconds": 1.5}

    reply = client.post(f"/execution/{execution.execution_id}/wait", body)

    assert reply["is_over"] is False


def test_a_stream_outlives_the_times_of_requests(client):
    executions = []
    stream = client.events(0)
    assert next(stream) is None

    executions.append(
        client.start({"source": {"name": "f", "kind": "CELL", "source": "1"}})
    )

    assert until(lambda: next(stream)).execution_id == executions[0].execution_id


def test_the_log_of_the_engine_is_not_filled_by_strangers(address, caplog):
    upgrade = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    no_url = b"CONNECT example:80 HTTP/1.1\r\n\r\n"
    no_path = b"GET \xff HTTP/1.1\r\n\r\n"
    for nonsense in (b"nonsense\r\n\r\n", upgrade, no_url, no_path):
        with connection(address, nonsense) as sock:
            assert sock.recv(65_536).startswith(b"HTTP/1.1 4")

    assert caplog.text == ""


def test_a_body_that_grows_too_large_is_no_error_of_the_engine(
    client, address, caplog, monkeypatch
):
    monkeypatch.setattr(auth, "MAX_BODY", 100)
    pieces = b"".join(b"40\r\n" + b" " * 64 + b"\r\n" for _ in range(2))
    with connection(address, head(client, Transfer_Encoding="chunked"), pieces) as sock:
        status, sentence = response(sock)

    assert (status, sentence[:33]) == (413, "The request has over 100 bytes; t")
    assert caplog.text == ""


@pytest.fixture
def full(monkeypatch, own_home):
    """The address of an engine that takes 20 connections, and waits long for each."""
    monkeypatch.setattr(http_connection, "HEAD_SECONDS", 60)
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 20)
    with engine_in_process(own_home) as client, ExitStack() as stack:
        url = httpx.URL(EngineFile.read(own_home).url)
        address = url.host, url.port

        def crowd(count, *pieces):
            opened = [connection(address, *pieces) for _ in range(count)]
            return [stack.enter_context(one) for one in opened]

        yield client, crowd


def is_open(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_a_crowd_that_says_nothing_keeps_nobody_out(full):
    client, crowd = full
    before = crowd(100)

    assert client.get("/engine")["pid"]
    until(lambda: sum(map(is_open, before)) < 20)


def test_the_oldest_idle_one_goes_first(full):
    client, crowd = full
    client.get("/engine")  # Idle from now on, but with a token.
    own = client._local.connection.sock
    strangers = crowd(25)

    until(lambda: not any(map(is_open, strangers[:6])))
    assert all(map(is_open, strangers[7:]))
    assert client.get("/engine")["pid"]
    assert client._local.connection.sock is own, "it was closed"


def test_one_that_follows_the_events_is_not_closed_for_others(full):
    client, crowd = full
    [watcher] = crowd(1, head(client, "GET", "/event?cursor=0"))
    assert watcher.recv(65_536).startswith(b"HTTP/1.1 200 OK")

    crowd(100)

    assert is_open(watcher)


def test_there_are_fewer_connections_than_files(monkeypatch):
    for files, connections in [(1_024, 768), (256, 128), (100_000, 4_000)]:
        monkeypatch.setattr(resource, "getrlimit", lambda _name, n=files: (n, n))

        assert http_server.max_connections() == connections
