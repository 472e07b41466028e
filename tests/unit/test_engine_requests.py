"""Requests of the panel while its engine ends: who may start the next one."""

import asyncio
import os
import socket
from dataclasses import replace

import pytest

from flowkernel.core.errors import EngineStopped
from flowkernel.home import EngineFile
from flowkernel.server_extension import home_engine
from flowkernel.server_extension.engine_requests import EngineRequests
from flowkernel.server_extension.home_engine import HomeEngine
from tests.stage import ENGINE_FILE


class NextEngine(Exception):
    """Another engine would be started."""


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A home in which an engine runs, until its end."""
    monkeypatch.delenv("FLOWKERNEL_HOME", raising=False)

    def start(*_args, **_options):
        raise NextEngine

    monkeypatch.setattr(home_engine, "ensure_engine", start)
    engine = HomeEngine(tmp_path)
    engine.home.journal.mkdir(parents=True)
    with socket.socket() as listener:  # It is closed: nobody answers there.
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    place = {"url": f"http://127.0.0.1:{port}", "home": os.path.realpath(tmp_path)}
    place["home"] += "/.flowkernel"
    replace(ENGINE_FILE, **place).write(engine.home)
    return engine.home


def request(home, call):
    """What `call` gives of requests to an engine that is known, and has just ended."""

    async def whole():
        engine = HomeEngine(home.path.parent)
        assert isinstance(engine.known(), EngineFile)
        home.engine_file.unlink()
        return await call(EngineRequests(engine))

    return asyncio.run(whole())


def read(requests):
    return requests.send("GET", "flow")


def read_with_sql(requests):
    return requests.sql("SELECT 1", seconds=5)


def act(requests):
    return requests.send("POST", "flow", b"{}", person="ada")


@pytest.mark.parametrize("call", [read, read_with_sql])
def test_what_the_panel_reads_does_not_start_an_engine_that_a_person_stopped(
    home, call
):
    """The panel still has the address of the one that was stopped."""
    home.stop_mark.touch()

    with pytest.raises(EngineStopped):
        request(home, call)


@pytest.mark.parametrize("call", [read, read_with_sql])
def test_what_the_panel_reads_starts_an_engine_that_was_killed(home, call):
    with pytest.raises(NextEngine):
        request(home, call)


def test_what_a_person_does_starts_an_engine_that_was_stopped(home):
    home.stop_mark.touch()

    with pytest.raises(NextEngine):
        request(home, act)
