"""The record of failures and prompts is right after any events in any order.

The store and its file, the engine with its routes, the flow API, and the handler of the
wrapper are real. The workers, their kernels and the time are simulated. To kill an engine is
to open the file again. Ten examples of at most 30 steps take some seconds, mostly for opening
files; each run has other examples. After a change, raise `max_examples` for a while.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

import flowkernel.core.clock
from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadAnswer, NotOpen, RequestError, from_code
from flowkernel.core.models import Event, EventKind
from flowkernel.core.projection import AFTER_THE_END
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.api.app import make_app
from flowkernel.engine.running_engine import Engine
from flowkernel.flow_api import Execution, System
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
)
from flowkernel.home import Home
from tests.stage import (
    ENGINE_FILE,
    Clock,
    NoProcesses,
    set_flow_context,
    shipped_handler,
)

S = ExecutionStatus
K = EventKind
CONFIG = Config(slots=100, poll=0.0)
SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
HASH = sha256(b"1").hexdigest()
MINUTES = 30  #: The limit of the wrapper; after it a person counts as away.
NO_PROCESS = 2**22 + 7  #: A process id that no process has.
ASKED = ("cancel", "pause", "resume", "retry")
VERBS = ("retry_cell", "retry", "skip", "fail", "cancel_all")


#: A number that selects an item, whatever the number of items.
NUMBER = st.integers(0, 59)


class KernelKilled(BaseException):
    """Raised in a handler whose kernel was killed."""


class EngineClient(Client):
    """A client that calls the engine of this process, without a connection."""

    def __init__(self, world: "World", started_by: str) -> None:
        super().__init__(world.home, started_by=started_by)
        self.world = world

    def request(
        self, method: str, path: str, body: Any = None, *, seconds: float = 0.0
    ) -> Any:
        return self.world.ask(method, path, body, self._person())


class World:
    """A home, its engine, and the clock."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.home = Home(Path(self._folder.name) / ".flowkernel")
        self.home.prepare()
        self.clock = Clock()
        self._real = flowkernel.core.clock.datetime, flowkernel.core.clock.time
        flowkernel.core.clock.datetime = flowkernel.core.clock.time = self.clock  # type: ignore[assignment]
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(8))
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.open()

    def open(self) -> None:
        """Start the engine."""
        processes = NoProcesses(self.home)
        self._engine = Engine(self.home, CONFIG, ENGINE_FILE, processes=processes)
        self.store, self.dispatcher = self._engine.store, self._engine.dispatcher
        self._web = httpx.AsyncClient(
            transport=httpx.ASGITransport(make_app(self._engine)),
            base_url="http://engine/api/latest",
            headers={"Authorization": "Bearer t"},
        )
        self.do(self._follow_store())

    async def _follow_store(self) -> None:
        self._engine.follow_store()

    def close(self) -> None:
        """Kill the engine; what it has acknowledged is in the file."""
        self.do(self._wait_until_idle())
        self._engine.close()

    def leave(self) -> None:
        self.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        flowkernel.core.clock.datetime, flowkernel.core.clock.time = self._real
        self._folder.cleanup()

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        response = self.do(self._ask(method, path, body, headers))
        content = response.json()
        if response.status_code >= 400:
            assert response.status_code < 500, content
            raise from_code(content["code"], content["message"])
        return content

    async def _ask(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        response = await self._web.request(method, path, json=body, headers=headers)
        await self._wait_until_idle()
        return response

    async def _wait_until_idle(self) -> None:
        """Wait until the dispatcher has handled all events."""
        await asyncio.sleep(0)
        while self.dispatcher._tasks:
            await asyncio.wait(self.dispatcher._tasks)
            await asyncio.sleep(0)

    def tick(self) -> None:
        """Do what the engine does each second."""
        self.do(self._tick())

    async def _tick(self) -> None:
        self._engine.timers.run_due()
        await self._engine.sweeper.sweep()
        await self._wait_until_idle()


class Handler:
    """A wrapper's handler, in a thread that runs only within `go_on`."""

    def __init__(self, world: World, execution_id: str) -> None:
        self.execution_id = execution_id
        self.raised: BaseException | None = None
        self.is_killed = False
        self._handler_turn = threading.Semaphore(0)
        self._test_turn = threading.Semaphore(0)
        self._client = WaitingClient(world, f"execution {execution_id}", self._pause)
        self._context: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Let it go on until it has to wait, or ends."""
        self._context = set_flow_context(self._client, self.execution_id, self._context)
        self._handler_turn.release()
        assert self._test_turn.acquire(timeout=30), "it hangs"

    def kill(self) -> None:
        self.is_killed = True
        if self.raised is None:
            self.go_on()
        self._thread.join(10)

    def _pause(self) -> None:
        self._test_turn.release()
        self._handler_turn.acquire()
        if self.is_killed:
            raise KernelKilled

    def _run(self) -> None:
        self._handler_turn.acquire()
        try:
            if not self.is_killed:
                this = Execution(self._client, self.execution_id)
                shipped_handler("interactive")(
                    System(self._client), this, this.get("inputs")
                )
        except BaseException as error:
            self.raised = error
        self._test_turn.release()


class WaitingClient(EngineClient):
    """A client that lets the test go on while it waits."""

    def __init__(
        self, world: World, started_by: str, pause: Callable[[], None]
    ) -> None:
        super().__init__(world, started_by)
        self._pause = pause
        self._process = new_id()  # Each kernel is a process of its own.

    def request(
        self, method: str, path: str, body: Any = None, *, seconds: float = 0.0
    ) -> Any:
        if not path.endswith("/wait"):
            return super().request(method, path, body)
        if "mark" in body:
            body = {**body, "mark": {**body["mark"], "process": self._process}}
        reply = super().request(method, path, {**body, "seconds": 0})
        if not (reply["is_over"] and reply["has_slot"]):
            self._pause()
        return reply


@dataclass(eq=False, repr=False)
class Worker:
    """A simulated worker, with its kernels."""

    world: World
    worker_id: str = field(default_factory=lambda: f"worker-{new_id()}")
    pid: int = field(default_factory=os.getpid)
    holding: dict[str, dict[str, Any]] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    handlers: dict[str, Handler] = field(default_factory=dict)
    followed: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.worker_id

    def __post_init__(self) -> None:
        self.client = EngineClient(self.world, self.worker_id)
        started_at = psutil.Process().create_time()
        self.process = {"pid": self.pid, "process_started_at": started_at}

    def poll(self) -> None:
        """Poll the engine, and do what it replies, as `AssignmentPoller` does."""
        body = {**self.process, "holding": [*self.holding], "paused": [*self.paused]}
        reply = self.client.post(f"/worker/{self.worker_id}/poll", body)
        for assignment in reply["start"]:
            self._begin(assignment["execution"])
        for execution_id in reply["cancel"]:
            self._end(execution_id, S.ENDED_CANCELLED)
        for execution_id in reply["resume"]:
            self._resume(execution_id, reply["decisions"][execution_id])
        for execution_id in reply["drop"]:
            self._forget(execution_id)

    def _begin(self, execution: dict[str, Any]) -> None:
        execution_id = execution["execution_id"]
        self.holding[execution_id] = execution
        if execution["type"] == "WRAPPER":
            self.handlers[execution_id] = Handler(self.world, execution_id)
            self.go_on(execution_id)

    def _resume(self, execution_id: str, decision: Any) -> None:
        if self.followed.get(execution_id) == decision["decision_id"]:
            return
        self.followed[execution_id] = decision["decision_id"]
        self.paused.discard(execution_id)
        if self.holding[execution_id]["type"] == "WRAPPER":
            if decision["verb"] == "skip":
                self._end(execution_id, S.ENDED_SUCCESS)
            else:
                self._begin(self.holding[execution_id])

    def go_on(self, execution_id: str) -> None:
        """Let a wrapper's handler go on."""
        handler = self.handlers[execution_id]
        handler.go_on()
        if handler.raised is None:
            return
        del self.handlers[execution_id]
        match handler.raised:
            case ExecutionSuccess():
                self._end(execution_id, S.ENDED_SUCCESS, handler=True)
            case ExecutionCancel():
                self._end(execution_id, S.ENDED_CANCELLED, handler=True)
            case ExecutionError():
                self._handle_failure(execution_id, str(handler.raised))
            case RequestError() as error:
                # It is being cancelled, or has ended: then it may start nothing.
                record = self.client.get(f"/execution/{execution_id}")
                is_over = (
                    S(record["status"]).is_ended
                    or record["requested_action"] == "cancel"
                )
                assert is_over, repr(error)
                self._handle_failure(execution_id, str(error))
            case error:
                raise AssertionError(f"the handler broke: {error!r}") from error

    def _handle_failure(self, execution_id: str, reason: str) -> None:
        if self.holding[execution_id]["parks"]:
            self.fail(execution_id, reason=reason)
        else:
            self._end(execution_id, S.ENDED_ERROR, handler=True)

    def run_cell(self, execution_id: str, status: str) -> None:
        """One cell, from start to end. "RUNNING": it does not end yet."""
        cell_run_id = new_id()
        cell = {"cell_run_id": cell_run_id, "cell_id": "c", "cell_index": 0}
        self.say(execution_id, K.CELL_STARTED, **cell, source_hash=HASH)
        if status != "RUNNING":
            self.say(execution_id, K.CELL_ENDED, cell_run_id=cell_run_id, status=status)

    def fail(
        self, execution_id: str, *, is_parked: bool = True, reason: str = "No."
    ) -> None:
        """Report that it failed."""
        failure = {"cell_id": "c", "source": "x = 1", "cell_number": 1, "cell_count": 1}
        self.say(execution_id, K.FAILED, status_message=reason, is_parked=is_parked,
            failure=failure, error={"name": "E", "message": reason})  # fmt: skip
        if is_parked:
            self.paused.add(execution_id)
        else:
            self._forget(execution_id)

    def lose_kernel(self, execution_id: str) -> None:
        """Its kernel dies: report it as `ExecutionSession` does."""
        if execution_id in self.paused:
            self.say(execution_id, K.KERNEL_LOST, why="Its kernel ended.")
        elif self.holding[execution_id]["type"] != "WRAPPER":
            self.run_cell(execution_id, "KERNEL_DIED")
        if self.holding[execution_id]["parks"]:
            self.fail(execution_id, is_parked=False)
        else:
            self._end(execution_id, S.ENDED_ERROR)

    def _end(self, execution_id: str, status: S, *, handler: bool = False) -> None:
        reason = "By its handler." if handler else None
        self.say(execution_id, K.ENDED, status=status, status_message=reason)
        self._forget(execution_id)

    def succeed(self, execution_id: str) -> None:
        self.run_cell(execution_id, "SUCCESS")
        self._end(execution_id, S.ENDED_SUCCESS)

    def _forget(self, execution_id: str) -> None:
        self.holding.pop(execution_id, None)
        self.paused.discard(execution_id)
        handler = self.handlers.pop(execution_id, None)
        if handler is not None:
            handler.kill()

    def say(self, execution_id: str, kind: K, **payload: Any) -> None:
        """Report an event; a refused one is not sent again."""
        event = Event(
            event_id=new_id(),
            execution_id=execution_id,
            kind=kind,
            happened_at=flowkernel.core.clock.now(),
            actor=self.worker_id,
            payload=payload,
        )
        body = {**self.process, "events": [event.to_json()]}
        self.client.post(f"/worker/{self.worker_id}/report", body)

    def die(self) -> None:
        """`kill -9`, with all its kernels."""
        for handler in self.handlers.values():
            handler.kill()
        lease = self.world.dispatcher.workers.get(self.worker_id)
        if lease is not None:
            lease.pid = NO_PROCESS


def pick(
    items: list[tuple[Worker, str]], number: int
) -> tuple[Worker, str] | tuple[None, str]:
    """The item that a number selects; None if there is no item."""
    return items[number % len(items)] if items else (None, "")


class Interactive(RuleBasedStateMachine):
    """The events that can happen while flows run in `interactive`."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.known_ids: set[str] = set()
        self.ended: dict[str, str] = {}
        self.answered: dict[str, str] = {}
        self.workers = [Worker(self.world), Worker(self.world)]
        self.person = EngineClient(self.world, "ada (test)")
        self._poll()

    # -- workers and executions ----------------------------------------------------------

    def _poll(self) -> None:
        for worker in self.workers:
            worker.poll()

    def _live(self) -> list[str]:
        return sorted(self.world.store.live)

    def _running(self) -> list[tuple[Worker, str]]:
        """The executions that run cells: held, no wrappers, and not paused."""
        return [
            (worker, execution_id)
            for worker in self.workers
            for execution_id, record in sorted(worker.holding.items())
            if record["type"] != "WRAPPER" and execution_id not in worker.paused
        ]

    def _all_held(self) -> list[tuple[Worker, str]]:
        return [(w, e) for w in self.workers for e in sorted(w.holding)]

    def _handlers(self) -> list[tuple[Worker, str]]:
        return [(w, e) for w in self.workers for e in sorted(w.handlers)]

    # -- events --------------------------------------------------------------------------

    @rule(depth=st.integers(1, 2), is_interactive=st.booleans())
    def start(self, depth: int, is_interactive: bool) -> None:
        if len(self._live()) > 9:
            return
        using = [{"name": "interactive", "inputs": {}}] * depth
        request = {"source": SOURCE, "using": using, "is_interactive": is_interactive}
        self.person.start(request)
        self._poll()

    @rule(
        number=NUMBER, result=st.sampled_from(["fail", "fail", "gone", "cell", "good"])
    )
    def run(self, number: int, result: str) -> None:
        worker, execution_id = pick(self._running(), number)
        if worker is None:
            return
        match result:
            case "fail":
                worker.run_cell(execution_id, "ERROR")
                worker.fail(execution_id)
            case "gone":
                worker.run_cell(execution_id, "RUNNING")
                worker.fail(execution_id, is_parked=False)
            case "cell":
                worker.run_cell(execution_id, ("SUCCESS", "RUNNING")[number % 2])
            case "good":
                worker.succeed(execution_id)

    @rule(number=NUMBER)
    def wrapper_goes_on(self, number: int) -> None:
        worker, execution_id = pick(self._handlers(), number)
        if worker is not None:
            worker.go_on(execution_id)

    @rule()
    def workers_poll(self) -> None:
        self._poll()

    @rule()
    def person_does_something(self) -> None:
        self.person.channel = "notebook"
        self.person.get("/flow")
        self.person.channel = None

    @rule(number=NUMBER, verb=st.sampled_from(VERBS), name=st.sampled_from("ab"))
    def answer(self, number: int, verb: str, name: str) -> None:
        messages = sorted(m.message_id for m in self.world.store.open_messages())
        if messages:
            self._answer(messages[number % len(messages)], verb, name)

    @rule(number=NUMBER, name=st.sampled_from("ab"))
    def answer_too_late(self, number: int, name: str) -> None:
        if not self.answered:
            return
        message_id = sorted(self.answered)[number % len(self.answered)]
        self._answer(message_id, "fail", name)
        message = self.person.get(f"/message/{message_id}")
        assert message["answered_by"] == self.answered[message_id]

    def _answer(self, message_id: str, verb: str, name: str) -> None:
        person, refusal = EngineClient(self.world, f"{name} (test)"), None
        try:
            person.answer(message_id, {verb: True}, answered_from="test")
        except (NotOpen, BadAnswer) as error:
            refusal = str(error)
        if refusal is None:
            assert message_id not in self.answered
            self.answered[message_id] = name
        elif message_id in self.answered:
            assert f"{self.answered[message_id]} has already answered" in refusal

    @rule(minutes=st.sampled_from([1, MINUTES - 1, MINUTES, MINUTES + 1, 600]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.move(minutes=minutes)
        self._poll()
        self.world.tick()

    @rule(
        number=NUMBER,
        verb=st.sampled_from(["cancel", "cancel", "pause", "resume", "retry"]),
    )
    def request_action(self, number: int, verb: str) -> None:
        if not self._live():
            return
        execution_id = self._live()[number % len(self._live())]
        try:
            self.person.act(execution_id, verb)
        except RequestError:
            if verb == "cancel":
                raise

    @rule(number=NUMBER)
    def a_kernel_dies(self, number: int) -> None:
        worker, execution_id = pick(self._all_held(), number)
        if worker is not None:
            worker.lose_kernel(execution_id)

    @rule(number=NUMBER, is_noticed=st.booleans())
    def a_worker_dies(self, number: int, is_noticed: bool) -> None:
        dead = self.workers[number % 2]
        dead.die()
        self.workers[number % 2] = Worker(self.world)
        if is_noticed:
            self._notice(dead)

    def _notice(self, dead: Worker) -> None:
        self.world.clock.move(seconds=CONFIG.lease + 1)
        self._poll()
        self.world.tick()
        live = self.world.store.live.values()
        executions = [e for e in live if e.worker == dead.worker_id]
        assert [e for e in executions if e.status is not S.QUEUED] == []

    @rule()
    def the_engine_dies(self) -> None:
        self.world.close()
        self.world.open()

    @rule()
    def the_machine_goes_down(self) -> None:
        """Engine and workers together."""
        self.world.close()
        dead = self.workers
        for worker in dead:
            worker.die()
        self.workers = [Worker(self.world), Worker(self.world)]
        self.world.open()
        for worker in dead:
            self._notice(worker)
        rows = self._rows("SELECT count(*) FROM cell_run WHERE status = 'RUNNING'")
        assert rows == [(0,)]

    # -- what must be true ---------------------------------------------------------------

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.world.store.query(query).rows]

    @invariant()
    def an_end_never_changes(self) -> None:
        if not hasattr(self, "world"):
            return
        store = self.world.store
        self.known_ids |= set(store.live)
        for execution_id in self.known_ids - set(store.live):
            status = store.get_execution(execution_id).status
            assert status.is_ended
            assert self.ended.setdefault(execution_id, status) == status

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self._bring_to_an_end()
            self._check()
            self._check_that_the_record_is_its_events()
        finally:
            for worker in self.workers:
                worker.die()
            self.world.leave()

    def _bring_to_an_end(self) -> None:
        """Answer Fail to every prompt, until every execution has ended."""
        for _ in range(60):
            if not self._live():
                return
            self.world.clock.move(seconds=CONFIG.lease + 1)
            self._poll()
            self.world.tick()
            for message in self.world.store.open_messages():
                self._answer(message.message_id, "fail", "a")
            for worker, execution_id in self._running():
                if worker.holding.get(execution_id):
                    worker.succeed(execution_id)
            for worker, execution_id in self._handlers():
                if execution_id in worker.handlers:
                    worker.go_on(execution_id)
            for execution in list(self.world.store.live.values()):
                if execution.status is S.PAUSED and not execution.failure:
                    self.person.act(execution.execution_id, "resume")
        executions = [
            (
                e.name,
                e.status,
                e.requested_action,
                e.status_message,
                e.failure,
                e.decision,
            )
            for e in self.world.store.live.values()
        ]
        raise AssertionError(f"these never end: {executions}")

    def _check(self) -> None:
        self._check_the_forest()
        self._check_the_tries()
        self._check_the_prompts()
        self._check_the_ends()
        without = "SELECT count(*) FROM cell_run WHERE coalesce(source_hash, '') = ''"
        assert self._rows(without) == [(0,)]
        running = "SELECT count(*) FROM cell_run WHERE ended_at IS NULL"
        assert self._rows(running) == [(0,)]

    def _check_the_forest(self) -> None:
        wrong = """
            SELECT count(*) FROM execution one LEFT JOIN execution parent
            ON one.parent_id = parent.execution_id
            WHERE CASE WHEN one.parent_id IS NULL
                THEN one.root_id <> one.execution_id OR one.depth <> 0
                ELSE parent.execution_id IS NULL OR one.root_id <> parent.root_id
                    OR one.depth <> parent.depth + 1 END"""
        assert self._rows(wrong) == [(0,)]

    def _check_the_tries(self) -> None:
        """All executions that a wrapper starts are tries of one call, one after the other."""
        tries = self._rows(
            "SELECT parent_id, execution_id, retry_of FROM execution "
            "WHERE call_key = 'wrapped' ORDER BY created_at, execution_id"
        )
        last: dict[Any, Any] = {}
        for parent_id, execution_id, retry_of in tries:
            assert retry_of == last.get(parent_id), "a try that follows no other"
            last[parent_id] = execution_id
        unasked = """
            SELECT before.decision FROM execution again
            JOIN execution before ON again.retry_of = before.execution_id
            JOIN execution wrapper ON again.parent_id = wrapper.execution_id
            WHERE NOT wrapper.parks AND again.call_key = 'wrapped'
            AND coalesce(before.decision->>'verb', '') <> 'retry'"""
        assert self._rows(unasked) == []
        early = """
            SELECT count(*) FROM execution again JOIN execution before
            ON again.retry_of = before.execution_id
            WHERE before.ended_at IS NULL OR before.ended_at > again.created_at"""
        assert self._rows(early) == [(0,)]

    def _check_the_prompts(self) -> None:
        """Each has one end: an answer with person, time and place, or a reason."""
        wrong = """
            SELECT * FROM message WHERE CASE status
                WHEN 'ANSWERED' THEN answered_by IS NULL OR answered_at IS NULL
                    OR answered_from IS NULL OR closed_at IS NOT NULL
                WHEN 'TIMED_OUT' THEN closed_at IS NULL OR closed_why IS NULL
                WHEN 'CLOSED' THEN closed_at IS NULL OR closed_why IS NULL
                ELSE true END"""
        assert self._rows(wrong) == []
        twice = """
            SELECT payload->>'message_id' FROM event
            WHERE kind IN ('message_answered', 'message_closed')
            GROUP BY ALL HAVING count(*) > 1"""
        assert self._rows(twice) == []
        decided = """
            SELECT payload->>'message_id', count(*) FROM event WHERE kind = 'decided'
            AND payload->>'message_id' IS NOT NULL GROUP BY ALL HAVING count(*) > 1"""
        assert self._rows(decided) == []
        nobody = """
            SELECT * FROM event WHERE kind = 'decided' AND (actor = ''
            OR (payload->>'message_id' IS NULL AND payload->>'why' IS NULL))"""
        assert self._rows(nobody) == []
        answers = self._rows("SELECT message_id, answered_by FROM message "
            "WHERE status = 'ANSWERED'")  # fmt: skip
        assert {str(id_): by for id_, by in answers} == self.answered

    def _check_the_ends(self) -> None:
        """After an end there are no more events, and a wrapper ends after its tries.

        (A wrapper that is cancelled or killed ends at once.)
        """
        kinds = ", ".join(f"'{kind}'" for kind in AFTER_THE_END)
        late = f"""
            SELECT * FROM event later JOIN event ended USING (execution_id)
            WHERE ended.kind = 'ended' AND later.seq > ended.seq
            AND later.kind NOT IN ({kinds})"""
        assert self._rows(late) == []
        early = """
            SELECT child.name, child.status, first.seq, first.payload, last.seq, last.payload
            FROM execution child JOIN event first
            ON first.execution_id = child.execution_id AND first.kind = 'ended'
            JOIN event last
            ON last.execution_id = child.parent_id AND last.kind = 'ended'
            WHERE last.payload->>'status_message' = 'By its handler.'
            AND child.call_key = 'wrapped' AND first.seq > last.seq"""
        assert self._rows(early) == []

    def _check_that_the_record_is_its_events(self) -> None:
        tables = ["execution", "cell_run", "message"]
        rows = [self._rows(f"FROM {table} ORDER BY ALL") for table in tables]
        self.world.store.rebuild()
        assert [self._rows(f"FROM {table} ORDER BY ALL") for table in tables] == rows


Interactive.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)
TestInteractive = pytest.mark.kernel(Interactive.TestCase)  # It takes long.
