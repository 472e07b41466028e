"""An engine in the process of the test: real, but its clock and its kernels are simulated.

The store, the service, the dispatcher, the routes and the HTTP between them are real. The test
moves the clock, and plays the worker: it takes executions, and reports what their kernels do.
"""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
import pytest

import flowkernel.core.clock
import flowkernel.flow_api.wait_loop
from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Event, EventKind, Flow, FlowKind
from flowkernel.engine.__main__ import make_engine_file
from flowkernel.engine.api.app import make_app
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.http_server import HttpServer, listen
from flowkernel.engine.running_engine import Engine
from flowkernel.engine.service import Service
from flowkernel.flow_api import Execution, System
from flowkernel.flow_api.context import enter
from flowkernel.home import EngineFile, Home
from flowkernel.store import Store
from tests.conftest import until

#: Workers are not lost because the clock was moved by an hour, and wait shortly.
PATIENT = Config(slots=8, lease=1e9, silence=1e9, poll=0.2, idle_exit=1e9)
#: Seconds a question "is it over?" is held: then the clock is looked at.
QUESTION = 0.05
#: An engine that serves no socket.
ENGINE_FILE = EngineFile(
    url="http://engine:1",
    token="t",
    pid=os.getpid(),
    process_started_at=0.0,
    version="0",
    interpreter=sys.executable,
    home="",
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The verbs of an engine over a store in memory, with the flow `f`; no worker."""
    home = Home(tmp_path)
    home.prepare()
    with Store(":memory:") as store:
        service = Service(store, home, Config())
        service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        yield service


class Clock:
    """The time of `flowkernel.core.clock`: the real time, plus what the test adds."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._time, self._datetime = flowkernel.core.clock.time, datetime
        self._stopped: datetime | None = None

    def move(self, **parts: float) -> None:
        """Let some time pass: `move(minutes=30)`."""
        self.ahead += timedelta(**parts).total_seconds()

    def stop(self) -> None:
        """Stop the clock: from now on only `move` changes it."""
        self._stopped = self._datetime.now(UTC)

    def now(self, zone: Any = UTC) -> datetime:
        """As `datetime.now`."""
        real = self._stopped or self._datetime.now(zone)
        return real + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return self._time.monotonic() + self.ahead

    def time_ns(self) -> int:
        return self._time.time_ns() + int(self.ahead * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves, for everything in this process."""
    clock = Clock()
    monkeypatch.setattr(flowkernel.core.clock, "datetime", clock)
    monkeypatch.setattr(flowkernel.core.clock, "time", clock)
    monkeypatch.setattr(flowkernel.flow_api.wait_loop, "WAIT_SECONDS", QUESTION)
    return clock


class NoProcesses(WorkerProcesses):
    """Starts no process: the test plays the worker."""

    def start(self) -> str | None:
        return "played"


@contextmanager
def engine_in_process(home: Home, config: Config = PATIENT) -> Iterator[Client]:
    """An engine in this process; a client of it."""
    with engine_and_client(home, config) as (_, client):
        yield client


@contextmanager
def engine_and_client(
    home: Home, config: Config = PATIENT
) -> Iterator[tuple[Engine, Client]]:
    """An engine in this process, and a client of it."""
    home.prepare()
    listener = listen(config)
    engine_file = make_engine_file(listener, config, home)
    with (
        Engine(home, config, engine_file, processes=NoProcesses(home)) as engine,
        engine.claim.published(),
    ):
        server = HttpServer(make_app(engine), goodbye=0)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        client = Client(home, started_by="cron (test)")
        client.starts_engine = False
        until(lambda: server.started)
        try:
            yield engine, client
        finally:
            client.close()
            engine.dispatcher.is_stopping = True
            engine.stop()
            server.should_exit = True
            thread.join(10)


class PlayedWorker:
    """A worker whose kernels do what the test says."""

    def __init__(
        self, client: Client, worker_id: str = "", *, says_attempts: bool = True
    ) -> None:
        """`says_attempts`: False for one of a version before 0.3."""
        self.client = client
        self._says_attempts = says_attempts
        self.worker_id = worker_id or f"worker-{new_id()}"
        me = psutil.Process()
        self._process = {"pid": os.getpid(), "process_started_at": me.create_time()}
        self.holding: dict[str, dict[str, Any]] = {}
        self.paused: set[str] = set()
        self._taken_ids: set[str] = set()

    def poll(self) -> dict[str, Any]:
        """Poll the engine; hold the executions to start."""
        body = {
            **self._process,
            "holding": list(self.holding),
            "paused": list(self.paused),
        }
        if self._says_attempts:
            body["attempts"] = {id_: self._attempt(id_) for id_ in self.holding}
        reply = self.client.post(f"/worker/{self.worker_id}/poll", body)
        for assignment in reply["start"]:
            execution = assignment["execution"]
            self.holding[execution["execution_id"]] = execution
        return reply

    def _attempt(self, execution_id: str) -> int:
        losses: int = self.holding[execution_id]["losses"]
        return losses + 1

    def take(self, *, is_wrapper: bool = False) -> Execution:
        """The next execution that it gets: a wrapper, or a flow in one."""

        def new_records() -> list[dict[str, Any]]:
            return [
                record
                for id_, record in self.holding.items()
                if id_ not in self._taken_ids
                and (record["type"] == "WRAPPER") is is_wrapper
            ]

        [record] = until(
            lambda: new_records() or (self.poll() and new_records()), seconds=10
        )
        self._taken_ids.add(record["execution_id"])
        return Execution(self.client, record["execution_id"])

    def report(self, execution: Execution, kind: EventKind, **payload: Any) -> None:
        """Report an event that happens now."""
        event = Event(
            event_id=new_id(),
            execution_id=execution.execution_id,
            kind=kind,
            happened_at=flowkernel.core.clock.now(),
            actor=self.worker_id,
            payload=payload,
        )
        record = event.to_json()
        if self._says_attempts:
            record["attempt"] = self._attempt(execution.execution_id)
        body = {**self._process, "events": [record]}
        reply = self.client.post(f"/worker/{self.worker_id}/report", body)
        assert reply["refused"] == []

    def fail(self, execution: Execution, *, is_parked: bool = True) -> None:
        """Report that its second cell fails; its kernel is kept."""
        source = "total = price * amount"
        error = {"name": "NameError", "message": "name 'amount' is not defined"}
        cell_run_id = new_id()
        self.report(execution, EventKind.CELL_STARTED, cell_run_id=cell_run_id,
            cell_id="b", cell_index=1, source_hash=sha256(source.encode()).hexdigest(),
        )  # fmt: skip
        self.report(
            execution, EventKind.CELL_ENDED, cell_run_id=cell_run_id, status="ERROR"
        )
        self.report(
            execution,
            EventKind.FAILED,
            status_message="Cell 2 of 3: NameError: name 'amount' is not defined",
            error=error,
            failure={
                "cell_id": "b",
                "cell_number": 2,
                "cell_count": 3,
                "source": source,
            },
            is_parked=is_parked,
        )
        self.paused.add(execution.execution_id)

    def succeed(self, execution: Execution) -> None:
        """Report that it succeeds."""
        self.report(execution, EventKind.ENDED, status="ENDED_SUCCESS")
        self.release(execution)

    def release(self, execution: Execution) -> None:
        """Hold it no longer."""
        self.holding.pop(execution.execution_id, None)
        self.paused.discard(execution.execution_id)


def shipped_handler(name: str) -> Callable[..., Any]:
    """The handler of a wrapper of flowkernel."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # One warns that this is no flow's kernel.
        exec(files("flowkernel.wrappers").joinpath(f"{name}.py").read_text(), names)
    handler: Callable[..., Any] = names["handler"]
    return handler


def set_flow_context(client: Client, execution_id: str, context: Any = None) -> Any:
    """Make this process the kernel of an execution, for the first time or again."""
    module = sys.modules[enter.__module__]
    module._context = context or enter(client, execution_id)  # type: ignore[attr-defined]
    return module._context  # type: ignore[attr-defined]


class PlayedWrapper:
    """The real handler of a wrapper, in a thread of this process instead of in a kernel."""

    def __init__(self, handler: Callable[..., Any], execution: Execution) -> None:
        self.execution = execution
        self.ended: BaseException | None = None
        enter(execution._client, execution.execution_id)
        self._thread = threading.Thread(target=self._run, args=(handler,), daemon=True)
        self._thread.start()

    def _run(self, handler: Callable[..., Any]) -> None:
        client = self.execution._client
        this = Execution(client, self.execution.execution_id)
        try:
            handler(System(client), this, this.get("inputs"))
        except BaseException as error:
            self.ended = error

    def join(self) -> BaseException:
        """Wait until it ends; the exception that it raised."""
        self._thread.join(30)
        assert self.ended is not None, "it still runs"
        return self.ended

    def stop(self) -> None:
        """Make this process no flow's kernel any more."""
        sys.modules[enter.__module__]._context = None  # type: ignore[attr-defined]
        with suppress(FlowkernelError):
            self._thread.join(0.1)  # Else it ends with the engine.
