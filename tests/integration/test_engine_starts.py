"""An engine that is killed while it starts is started again; a stopped one stays stopped."""

import os
import signal
import sys
from dataclasses import replace
from threading import Timer

import psutil
import pytest
from filelock import FileLock

from flowkernel.cli.engine_operations import wait_until_ended
from flowkernel.client.client import Client
from flowkernel.client.engine_launcher import INTERPRETER, ensure_engine, is_locked
from flowkernel.config import Config
from flowkernel.core.errors import EngineStopped, EngineUnreachable
from flowkernel.engine.__main__ import acquire, make_engine_file
from flowkernel.engine.callers import WorkerCaller
from flowkernel.engine.http_server import listen
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


@pytest.mark.kernel
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


@pytest.mark.kernel
def test_an_engine_that_found_another_one_in_its_home_is_no_failure(
    own_home, starts_like, tmp_path
):
    """The other one may have ended meanwhile."""
    gave_up = tmp_path / "gave up"
    starts_like(f"if [ ! -e '{gave_up}' ]; then touch '{gave_up}'; exit 3; fi")

    engine = ensure_engine(own_home)

    assert gave_up.exists()
    assert psutil.pid_exists(engine.pid)


def test_a_look_at_the_lock_keeps_no_engine_from_starting(own_home):
    """As by a client that looks whether an engine runs."""
    own_home.prepare()
    look = FileLock(own_home.engine_lock, mode=0o600, thread_local=False)
    look.acquire()
    Timer(0.1, look.release).start()
    lock = FileLock(own_home.engine_lock, mode=0o600)

    assert acquire(lock, own_home)
    lock.release()


def test_a_stop_waits_for_its_own_engine_only(own_home):
    """Another client starts the next engine at that very moment."""
    with listen(Config()) as listener:
        engine_file = make_engine_file(listener, Config(), own_home)
    ended = replace(engine_file, process_started_at=0.0)
    own_home.prepare()

    with FileLock(own_home.engine_lock, mode=0o600):
        wait_until_ended(own_home, ended)


def test_an_engine_that_was_killed_is_no_zombie_of_who_started_it(own_home):
    engine = ensure_engine(own_home)

    os.kill(engine.pid, signal.SIGKILL)

    until(lambda: not psutil.pid_exists(engine.pid))


@pytest.mark.kernel
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
