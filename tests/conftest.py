"""The shared fixtures: a home, an engine that is really there, and flows to put in it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import flowkernel.flow_api.context
from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from flowkernel.home import EngineFile, Home

NOT_OURS = ("FLOWKERNEL_EXECUTION_ID", "FLOWKERNEL_INTERPRETER", "FLOWKERNEL_SLOTS")


@contextmanager
def a_home(path: Path) -> Iterator[Home]:
    """A home of its own; whatever engine and workers were started there are gone after it."""
    home = Home(path / ".flowkernel")
    with pytest.MonkeyPatch.context() as patch:
        for name in NOT_OURS:
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
def nobody_here() -> Iterator[None]:
    """A test that plays a flow's kernel is none afterwards, however it ended."""
    yield
    flowkernel.flow_api.context._context = None


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Home]:
    """A home for one test alone: to kill its engine, or to have nothing else in it."""
    with a_home(tmp_path) as home:
        yield home


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """Start a flow or a path, and wait until it has ended, however it ended."""

    def run(target: str, **inputs: Any) -> Execution:
        return start(target, **inputs).wait(ReturnWhen.ALL_ENDED, timeout=120)

    return run


def processes_of(home: Home) -> list[psutil.Process]:
    """The engine and the workers of a home, by their command lines."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if str(home.path) in words and any(
                w.startswith("flowkernel.") for w in words
            ):
                found.append(process)
    return found


def workers_of(home: Home) -> list[psutil.Process]:
    """Its workers."""
    return [p for p in processes_of(home) if "flowkernel.worker" in p.cmdline()]


def engines_of(home: Home) -> list[psutil.Process]:
    """Its engines: one, if all is well."""
    return [p for p in processes_of(home) if "flowkernel.engine" in p.cmdline()]


def kill_engine(home: Home) -> int:
    """`kill -9` the engine; its pid."""
    engine = EngineFile.read(home)
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)
    psutil.Process(engine.pid).wait(10) if psutil.pid_exists(engine.pid) else None
    return engine.pid


def stop_everything(home: Home) -> None:
    """Kill what a test left running in a home: workers first, so that none starts anew."""
    with suppress(FlowkernelError, psutil.Error):
        for process in workers_of(home) + engines_of(home):
            children = process.children(recursive=True)
            for one in [process, *children]:
                with suppress(psutil.Error):
                    one.kill()
            psutil.wait_procs([process, *children], timeout=10)


def until(
    condition: Callable[[], Any], *, seconds: float = 30.0, what: str = ""
) -> Any:
    """Wait for a condition; what it gave."""
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what or condition}")
