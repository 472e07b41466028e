"""An engine that is killed while it starts is started again; a stopped one stays stopped."""

import os
import signal
import sys

import psutil
import pytest

from flowkernel.client.client import Client
from flowkernel.client.engine_launcher import INTERPRETER, ensure_engine, is_locked
from flowkernel.core.errors import EngineStopped, EngineUnreachable
from flowkernel.engine.callers import WorkerCaller
from flowkernel.engine.token_file import load_key
from tests.conftest import until


@pytest.fixture
def starts_like(monkeypatch, tmp_path):
    """Have engines started by a script, which ends with `exec` of the real Python."""

    def use(script):
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\n{script}\nexec {sys.executable} "$@"\n')
        path.chmod(0o755)
        monkeypatch.setenv(INTERPRETER, str(path))

    return use


def test_an_engine_that_is_killed_while_it_starts_is_started_again(
    own_home, starts_like, tmp_path
):
    killed = tmp_path / "killed"
    starts_like(f"if [ ! -e {killed} ]; then touch {killed}; kill -9 $$; fi")

    engine = ensure_engine(own_home)

    assert killed.exists()
    assert psutil.pid_exists(engine.pid)


def test_an_engine_that_ends_by_itself_is_not_started_again(own_home, starts_like):
    starts_like("echo no room for an engine; exit 7")

    with pytest.raises(EngineUnreachable, match=r"exit code 7.*no room for an engine"):
        ensure_engine(own_home)


def test_an_engine_that_was_killed_is_no_zombie_of_who_started_it(own_home):
    engine = ensure_engine(own_home)

    os.kill(engine.pid, signal.SIGKILL)

    until(lambda: not psutil.pid_exists(engine.pid))


def test_what_a_person_stopped_is_not_started_by_a_worker(own_home):
    engine = ensure_engine(own_home)
    token = load_key(own_home).issue(WorkerCaller("worker-1"))
    Client(own_home).post("/engine/stop", {"force": False})
    until(lambda: not psutil.pid_exists(engine.pid))

    with pytest.raises(EngineStopped, match="`flowkernel engine start` starts it"):
        ensure_engine(own_home, token)
    assert not is_locked(own_home)
    assert ensure_engine(own_home).pid != engine.pid
    assert not own_home.stop_mark.exists()
