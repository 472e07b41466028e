"""The shared fixtures: a home, a real engine, and flows to register in it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings

import flowkernel.flow_api.context
from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from flowkernel.home import EngineFile, Home

# How long an example takes, and how long it takes to make one, is the machine's.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

RESET_VARIABLES = (
    "FLOWKERNEL_EXECUTION_ID",
    "FLOWKERNEL_EXECUTION_TOKEN",
    "FLOWKERNEL_EXECUTION_HOME",
    "FLOWKERNEL_INTERPRETER",
    "FLOWKERNEL_SLOTS",
)


@contextmanager
def a_home(path: Path) -> Iterator[Home]:
    """A home of its own; its engine and its workers are killed at the end."""
    home = Home(path / ".flowkernel")
    with pytest.MonkeyPatch.context() as patch:
        for name in RESET_VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("FLOWKERNEL_HOME", str(home.path))
        yield home
        stop_everything(home)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home that the tests of one file share."""
    with a_home(tmp_path_factory.mktemp("home")) as home:
        yield home


@pytest.fixture(autouse=True)
def no_flow_context() -> Iterator[None]:
    """After each test, this process is no flow's kernel any more."""
    yield
    flowkernel.flow_api.context._context = None


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Home]:
    """A home for one test alone: to kill its engine, or to have nothing else in it."""
    with a_home(tmp_path) as home:
        yield home


@pytest.fixture(autouse=True)
def _in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    """A client of a running engine."""
    client = Client(home, started_by="test")
    client.get("/engine")
    yield client
    client.close()


@pytest.fixture
def register(client: Client, tmp_path: Path) -> Callable[..., Flow]:
    """Register a source as a flow of this Python."""

    def register(name: str, source: str, **fields: Any) -> Flow:
        environment = Environment(
            interpreter=sys.executable, prefix=sys.prefix, cwd=str(tmp_path)
        )
        values = {"kind": FlowKind.CELL, "environment": environment, **fields}
        return client.register(Flow(name=name, source=source, **values))

    return register


@pytest.fixture
def start(client: Client) -> Callable[..., Execution]:
    """Start a flow or a path; returns at once."""

    def start(target: str, **inputs: Any) -> Execution:
        execution = client.start(start_request(target, inputs))
        return Execution(client, execution.execution_id)

    return start


@pytest.fixture
def run(start: Callable[..., Execution]) -> Callable[..., Execution]:
    """Start a flow or a path, and wait until it has ended, with success or not."""

    def run(target: str, **inputs: Any) -> Execution:
        return start(target, **inputs).wait(ReturnWhen.ALL_ENDED, timeout=120)

    return run


def processes_of(home: Home, module: str = "flowkernel.") -> list[psutil.Process]:
    """The engine and the workers of a home, by their command lines."""
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if str(home.path) in words and any(w.startswith(module) for w in words):
                processes.append(process)
    return processes


def workers_of(home: Home) -> list[psutil.Process]:
    """The workers of a home."""
    return processes_of(home, "flowkernel.worker")


def engines_of(home: Home) -> list[psutil.Process]:
    """The engines of a home: one, if all is well."""
    return processes_of(home, "flowkernel.engine")


def kill_engine(home: Home) -> int:
    """`kill -9` the engine; its pid."""
    engine = EngineFile.read(home)
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)
    with suppress(psutil.NoSuchProcess):  # It may be reaped already.
        psutil.Process(engine.pid).wait(10)
    return engine.pid


def stop_everything(home: Home) -> None:
    """Kill what still runs in a home: workers first, as they start an engine again.

    All are killed before any is waited for. Those that this process started are reaped
    here; a worker that is dead stays a zombie as long as its engine is there.
    """
    victims = workers_of(home) + engines_of(home)
    for process in list(victims):
        with suppress(psutil.Error):
            victims += process.children(recursive=True)
    for victim in victims:
        with suppress(psutil.Error):
            victim.kill()
    until(lambda: not any(map(is_alive, victims)), seconds=10)
    children = psutil.Process().children()
    psutil.wait_procs([victim for victim in victims if victim in children], timeout=10)


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs: it has not ended, and is no zombie."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def until(
    condition: Callable[[], Any], *, seconds: float = 30.0, description: str = ""
) -> Any:
    """Wait until a condition is true; its value."""
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {description or condition}")
