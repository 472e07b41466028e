"""Ctrl-C while a request is under way: what the engine has, or may have, is said."""

import os
import signal

import pytest

from flowkernel.cli import cli_client, database_operations
from flowkernel.cli import engine_operations as engine_commands
from flowkernel.cli import execution_operations as execution_commands
from flowkernel.cli.cli_client import CommandClient
from flowkernel.cli.termination import MAYBE_STARTED, NOTHING_STARTED, termination
from flowkernel.client.engine_launcher import EngineState
from flowkernel.home import EngineFile, Home
from tests.records import an_execution
from tests.unit.test_client_retries import Handler, server
from tests.unit.test_termination import hears_interrupts

__all__ = ["Handler", "hears_interrupts", "server"]


def interrupt(*_values, **_more):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def client(server, tmp_path, monkeypatch):
    """The client of a command, whose engine is killed when it has a request."""
    engine = EngineFile(
        url=f"http://127.0.0.1:{server.server_port}", token="t", pid=os.getpid(),
        process_started_at=0.0, version="0", interpreter="", home="",
    )  # fmt: skip
    monkeypatch.setattr(EngineFile, "read", lambda *_of, **_more: engine)
    monkeypatch.setattr(cli_client, "ensure_engine", interrupt)
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path))
    client = CommandClient()
    client.makes_home = True
    yield client
    client.close()


def start(client):
    with termination() as client.termination:
        client.termination.hold()
        client.start({"flow": "report"})


def test_an_engine_that_was_killed_may_have_started_the_run(client, server):
    server.responses = [("silent", {}, None)] * 2  # It ends without a reply.
    server.silence.set()

    with pytest.raises(KeyboardInterrupt) as error:
        start(client)

    assert str(error.value).startswith(MAYBE_STARTED)
    assert "`flowkernel execution list` shows" in str(error.value)


def test_an_engine_that_was_gone_before_has_started_nothing(client, server):
    server.shutdown()
    server.server_close()

    with pytest.raises(KeyboardInterrupt, match=NOTHING_STARTED):
        start(client)


class Accepting:
    """A client whose engine accepts everything, and says so at once."""

    def __init__(self, home):
        self.home, self.requests, self.note = home, [], cli_client.WaitNote()

    def request(self, method, path, *_body):
        self.requests.append((method, path))

    def post(self, path, *_body, **_more):
        self.requests.append(("POST", path))
        return {"path": "/home/backup/copy.duckdb"}

    def get_execution(self, _id):
        return an_execution("a")

    def get(self, _path):
        interrupt()

    def close(self):
        """It has no connection."""


@pytest.fixture
def accepting(tmp_path, monkeypatch):
    accepting = Accepting(Home(tmp_path))
    for module in (execution_commands, engine_commands, database_operations):
        monkeypatch.setattr(module, "make_client", lambda **_options: accepting)
    return accepting


def test_ctrl_c_after_a_delete_says_that_it_is_deleted(accepting):
    with pytest.raises(KeyboardInterrupt, match=r"'report' is deleted\. The engine is"):
        execution_commands.delete_run("a", asks=False, as_json=False)

    assert accepting.requests == [("DELETE", "/execution/a")]


def test_ctrl_c_after_a_stop_says_that_the_engine_stops(accepting, monkeypatch):
    engine = EngineFile(
        url="", token="", pid=7, process_started_at=0.0, version="", interpreter="", home=""
    )  # fmt: skip
    monkeypatch.setattr(
        engine_commands, "look", lambda _home: (EngineState.ANSWERS, engine)
    )
    monkeypatch.setattr(engine_commands, "wait_until_ended", interrupt)

    with pytest.raises(KeyboardInterrupt, match=r"\(process 7\) is stopping"):
        engine_commands.stop_engine(force=False, as_json=False)


def test_ctrl_c_after_a_backup_says_where_it_is(accepting, monkeypatch, tmp_path):
    monkeypatch.setattr(database_operations, "_move", interrupt)

    with pytest.raises(KeyboardInterrupt, match="The backup is made, as '/home/backup"):
        database_operations.back_up(str(tmp_path / "b"), as_json=False)
