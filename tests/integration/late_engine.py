"""An engine whose commits are heard late, in every order that a real one can produce.

The store, the service, the inbox and the dispatcher are real. The test decides when the event
loop hears of a commit, when a call of the store is carried out, and when its reply comes. One
order only is promised: a commit is heard before the reply to the request that made it.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from flowkernel.config import Config
from flowkernel.core import clock
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.engine.callers import ExecutionCaller
from flowkernel.engine.dispatch.assignments import Assignments
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.sweeper import Sweeper
from flowkernel.engine.dispatch.wait_requests import WaitRequest, hold
from flowkernel.engine.dispatch.worker_lease import WorkerLease, WorkerState
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.service import Service
from flowkernel.engine.streams.record_streams import RecordStreams
from flowkernel.home import Home
from flowkernel.store import Commit, Store
from tests.stage import Clock, NoProcesses

SLOTS = 3
LEASE = 10.0
CONFIG = Config(slots=SLOTS, poll=0.0, lease=LEASE, silence=60.0, max_losses=2)
#: Rounds of the event loop after which nothing is left to do without the test.
ROUNDS = 12
WRITES = ("append", "decide", "save_flow", "delete_flow", "save_version")


class SteppedStore:
    """The store, as calls see it that the test stops before each write."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        return partial(self._write, attribute) if name in WRITES else attribute

    def _write(self, write: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        thread = threading.current_thread()
        if isinstance(thread, SteppedCall):
            thread.pause()
        return write(*args, **kwargs)


class SteppedCall(threading.Thread):
    """A request of somebody, in a thread that runs only within `go_on`."""

    def __init__(self, label: str, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.label, self._call = label, call
        self._own_turn, self._test_turn = threading.Semaphore(0), threading.Semaphore(0)
        self.is_over = False
        self.value: Any = None
        self.error: FlowkernelError | None = None
        self.start()

    def run(self) -> None:
        self._own_turn.acquire()
        try:
            self.value = self._call()
        except FlowkernelError as error:
            self.error = error
        self.is_over = True
        self._test_turn.release()

    def pause(self) -> None:
        self._test_turn.release()
        self._own_turn.acquire()

    def go_on(self) -> None:
        """Let it go on to its next write, or to its end."""
        self._own_turn.release()
        assert self._test_turn.acquire(timeout=30), f"{self.label} hangs"


@dataclass
class Reply:
    """What a call of the store returned; not heard by the event loop yet."""

    after: int  #: How many commits have to be heard before.
    future: "asyncio.Future[Any]"
    value: Any = None
    error: BaseException | None = None


class StillClock(Clock):
    """A clock that only `move` changes: an example is the same each time, on any machine."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = datetime(2026, 1, 1, tzinfo=UTC)
        self._milliseconds = int(self._stopped.timestamp() * 1000)

    def now(self, zone: Any = UTC) -> datetime:
        """A little later each time: what happens later has a later moment."""
        self.ahead += 1e-6
        return super().now(zone)

    def monotonic(self) -> float:
        return self.ahead

    def time_ns(self) -> int:
        """For ids: each has a millisecond of its own."""
        self._milliseconds += 1
        return self._milliseconds * 1_000_000


class NoChance:
    """In place of `os` where ids are made: the same ids, so the same order of sets of them."""

    def urandom(self, size: int) -> bytes:
        return bytes(size)


class Errors(logging.Handler):
    """The exceptions that were logged: there are to be none."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.messages.append(record.getMessage())


@dataclass
class LateEngine:
    """One engine; what it has not heard of yet is in `commits`, `calls` and `replies`."""

    folder: Path
    commits: "deque[Commit]" = field(default_factory=deque)
    heard: int = 0  #: How many commits the dispatcher has heard of.
    calls: list[tuple[partial[Any], "asyncio.Future[Any]"]] = field(
        default_factory=list
    )
    replies: list[Reply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = StillClock()
        self._real = {name: getattr(clock, name) for name in ("datetime", "time", "os")}
        vars(clock).update(datetime=self.clock, time=self.clock, os=NoChance())
        self.errors = Errors()
        logging.getLogger("flowkernel").addHandler(self.errors)
        self.loop = asyncio.new_event_loop()
        home = Home(self.folder)
        self.store = Store(":memory:")
        self.service = Service(SteppedStore(self.store), home, CONFIG)  # type: ignore[arg-type]
        self.service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        self._open(self.store.follow(self.commits.append))

    def _open(self, commit: Commit) -> None:
        """Begin as an engine that opens the store."""
        self.inbox = Inbox(self.service)
        processes = NoProcesses(self.service.home)
        self.dispatcher = Dispatcher(
            self.service,
            processes,
            RecordStreams(self.store),
            in_thread=self._in_thread,
        )
        self.sweeper = Sweeper(self.dispatcher, processes)
        self.run(partial(self.dispatcher.open, commit))

    def restart(self) -> None:
        """The engine is killed, and the next one opens the store."""
        self._cancel_tasks()
        self.calls.clear()
        self.replies.clear()
        self.commits.clear()
        self._open(self.store.follow(lambda _commit: None))

    def close(self) -> None:
        logging.getLogger("flowkernel").removeHandler(self.errors)
        self._cancel_tasks()
        self.loop.close()
        self.store.close()
        vars(clock).update(self._real)

    def _cancel_tasks(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.turn()

    # -- the event loop --------------------------------------------------------------------

    async def _in_thread(
        self, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        if getattr(function, "__func__", None) is Assignments.to_json:
            return function(*args, **kwargs)  # It only reads what never changes.
        future = self.loop.create_future()
        self.calls.append((partial(function, *args, **kwargs), future))
        return await future

    def turn(self) -> None:
        """Let the event loop do what it can do now."""
        for _ in range(ROUNDS):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def run(self, callback: Callable[[], Any]) -> None:
        """Call this in the event loop."""
        self.loop.call_soon(callback)
        self.turn()

    def task(self, coroutine: Any) -> "asyncio.Task[Any]":
        task = self.loop.create_task(coroutine)
        self.turn()
        return task

    # -- what comes late -------------------------------------------------------------------

    def carry_out(self, number: int) -> None:
        """Carry out a call of the store; its reply is heard later."""
        call, future = self.calls.pop(number % len(self.calls))
        reply = Reply(0, future)
        try:
            reply.value = call()
        except FlowkernelError as error:
            reply.error = error
        reply.after = self.heard + len(self.commits)
        self.replies.append(reply)

    def promised(self) -> list[str]:
        """The executions that are to get a slot, by what is not carried out yet."""
        arguments = [argument for call, _ in self.calls for argument in call.args]
        decisions = [a for a in arguments if isinstance(a, partial)]
        batches = [decision.keywords.get("events", ()) for decision in decisions]
        return [
            event.execution_id
            for events in batches
            for event in events
            if event.kind in (EventKind.STARTED, EventKind.RESUMED)
        ]

    def hear(self) -> None:
        """Hear of the next commit."""
        commit = self.commits.popleft()
        self.heard += 1
        self.run(partial(self.dispatcher.on_commit, commit))

    def answer(self, number: int) -> None:
        """Hear a reply, and before it the commits that come before it."""
        reply = self.replies.pop(number % len(self.replies))
        while self.heard < reply.after:
            self.hear()
        if reply.future.cancelled():
            return
        if reply.error is None:
            reply.future.set_result(reply.value)
        else:
            reply.future.set_exception(reply.error)
        self.turn()

    def settle(self) -> None:
        """Carry out and hear everything."""
        for _ in range(10_000):
            if self.calls:
                self.carry_out(0)
            elif self.replies:
                self.answer(0)
            elif self.commits:
                self.hear()
            else:
                return
        raise AssertionError("the engine never comes to rest")

    # -- workers and waits -------------------------------------------------------------------

    def poll(
        self,
        worker_id: str,
        holding: dict[str, int | None],
        paused: set[str],
        **more: Any,
    ) -> dict[str, Any]:
        """What a worker has to do, as the dispatcher knows it now."""
        lease = self.note_worker(worker_id)
        state = WorkerState(holding=holding, paused=paused, **more)
        task = self.task(self.dispatcher.poll(lease, state))
        if not task.done():  # It records first what the worker has dropped.
            self.settle()
        reply: dict[str, Any] = task.result()
        return reply

    def note_worker(self, worker_id: str) -> WorkerLease:
        """A request of a worker comes in."""
        note = partial(
            self.dispatcher.note_worker, worker_id, pid=1, process_started_at=0.0
        )
        leases: list[WorkerLease] = []
        self.run(lambda: leases.append(note()))
        return leases[0]

    def lose_workers(self, others: list[str]) -> None:
        """Time passes: the leases of all workers but these are over."""
        self.clock.move(seconds=LEASE + 1)
        for worker_id in others:
            self.note_worker(worker_id)
        self.task(self.sweeper.sweep())

    def hold(
        self, caller: ExecutionCaller, request: WaitRequest
    ) -> "asyncio.Task[Any]":
        """The request of a flow to wait."""
        wait = partial(hold, self.service, self.dispatcher, self.inbox)
        task = self.task(wait(caller.execution_id, request, caller=caller))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return task
