"""Whatever happens, in whatever order: what is recorded of failures and prompts holds.

Real are the store and its file, the engine with its routes, the flow API, and the handler of
the wrapper. Played are the workers and their kernels, and the time. An engine that is killed
is the file, opened anew. Ten examples of at most 30 steps take some seconds, most of them
for opening files; each run draws others. After a change, raise `max_examples` for a while.
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
from tests.stage import ENGINE_FILE, Clock, NoProcesses, set_here, shipped

S = ExecutionStatus
K = EventKind
CONFIG = Config(slots=100, poll=0.0)
SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
HASH = sha256(b"1").hexdigest()
MINUTES = 30  #: The limit of the wrapper; longer, and nobody is there.
NOBODY = 2**22 + 7  #: A process id that no process has.
ASKED = ("cancel", "pause", "resume", "retry")
VERBS = ("retry_cell", "retry", "skip", "fail", "cancel_all")


#: Which of those there are: what is drawn must not hang on what there is.
WHICH = st.integers(0, 59)


class Killed(BaseException):
    """Raised in a kernel that is no more."""


class Asks(Client):
    """Asks the engine of this process, without a wire."""

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
        """The engine."""
        processes = NoProcesses(self.home)
        self._engine = Engine(self.home, CONFIG, ENGINE_FILE, processes=processes)
        self.store, self.dispatcher = self._engine.store, self._engine.dispatcher
        self._web = httpx.AsyncClient(
            transport=httpx.ASGITransport(make_app(self._engine)),
            base_url="http://engine/api/latest",
            headers={"Authorization": "Bearer t"},
        )
        follow = self.dispatcher.on_events
        self.store.on_commit(
            lambda events: self.loop.call_soon_threadsafe(follow, events)
        )
        self.do(self._opened())

    async def _opened(self) -> None:
        self.dispatcher.open()

    def close(self) -> None:
        """The engine is gone; what it had acknowledged is in the file."""
        self.do(self._quiet())
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
        answer = self.do(self._ask(method, path, body, headers))
        told = answer.json()
        if answer.status_code >= 400:
            assert answer.status_code < 500, told
            raise from_code(told["code"], told["message"])
        return told

    async def _ask(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        answer = await self._web.request(method, path, json=body, headers=headers)
        await self._quiet()
        return answer

    async def _quiet(self) -> None:
        """Until the dispatcher has done what follows from what happened."""
        await asyncio.sleep(0)
        while self.dispatcher._tasks:
            await asyncio.wait(self.dispatcher._tasks)
            await asyncio.sleep(0)

    def tie_up(self) -> None:
        """What the engine does each second."""
        self.do(self._tie_up())

    async def _tie_up(self) -> None:
        self.dispatcher.forget_lost_workers()
        await self.dispatcher.recover()
        await self._quiet()


class Handler:
    """A wrapper's handler, in a thread that only runs while it is let."""

    def __init__(self, world: World, execution_id: str) -> None:
        self.execution_id = execution_id
        self.raised: BaseException | None = None
        self.is_killed = False
        self._mine, self._yours = threading.Semaphore(0), threading.Semaphore(0)
        self._client = _Waits(world, f"execution {execution_id}", self._pause)
        self._here: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Let it go on until it waits for something that is not there yet, or ends."""
        self._here = set_here(self._client, self.execution_id, self._here)
        self._mine.release()
        assert self._yours.acquire(timeout=30), "it hangs"

    def kill(self) -> None:
        self.is_killed = True
        if self.raised is None:
            self.go_on()
        self._thread.join(10)

    def _pause(self) -> None:
        self._yours.release()
        self._mine.acquire()
        if self.is_killed:
            raise Killed

    def _run(self) -> None:
        self._mine.acquire()
        try:
            if not self.is_killed:
                this = Execution(self._client, self.execution_id)
                shipped("interactive")(System(self._client), this, this.get("inputs"))
        except BaseException as error:
            self.raised = error
        self._yours.release()


class _Waits(Asks):
    """Lets others go on while it waits."""

    def __init__(
        self, world: World, started_by: str, pause: Callable[[], None]
    ) -> None:
        super().__init__(world, started_by)
        self._pause = pause

    def request(
        self, method: str, path: str, body: Any = None, *, seconds: float = 0.0
    ) -> Any:
        if not path.endswith("/wait"):
            return super().request(method, path, body)
        told = super().request(method, path, {**body, "seconds": 0})
        if not (told["is_over"] and told["has_slot"]):
            self._pause()
        return told


@dataclass(eq=False, repr=False)
class Worker:
    """A played worker, and what its kernels stand for."""

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
        self.client = Asks(self.world, self.worker_id)
        started_at = psutil.Process().create_time()
        self.who = {"pid": self.pid, "process_started_at": started_at}

    def poll(self) -> None:
        """Ask what to do, and do it, as `Orders` does."""
        body = {**self.who, "holding": [*self.holding], "paused": [*self.paused]}
        told = self.client.post(f"/worker/{self.worker_id}/poll", body)
        for assignment in told["start"]:
            self._begin(assignment["execution"])
        for execution_id in told["cancel"]:
            self._end(execution_id, S.ENDED_CANCELLED)
        for execution_id in told["resume"]:
            self._resume(execution_id, told["decisions"][execution_id])
        for execution_id in told["drop"]:
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
                self._failed(execution_id, str(handler.raised))
            case RequestError() as error:
                # It is being cancelled, or has ended: then it may start nothing.
                record = self.client.get(f"/execution/{execution_id}")
                is_over = (
                    S(record["status"]).is_ended
                    or record["requested_action"] == "cancel"
                )
                assert is_over, repr(error)
                self._failed(execution_id, str(error))
            case error:
                raise AssertionError(f"the handler broke: {error!r}") from error

    def _failed(self, execution_id: str, why: str) -> None:
        if self.holding[execution_id]["parks"]:
            self.fail(execution_id, why=why)
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
        self, execution_id: str, *, is_parked: bool = True, why: str = "No."
    ) -> None:
        """It failed."""
        failure = {"cell_id": "c", "source": "x = 1", "cell_number": 1, "cell_count": 1}
        self.say(execution_id, K.FAILED, status_message=why, is_parked=is_parked,
            failure=failure, error={"name": "E", "message": why})  # fmt: skip
        if is_parked:
            self.paused.add(execution_id)
        else:
            self._forget(execution_id)

    def lose_kernel(self, execution_id: str) -> None:
        """Its kernel dies: as `Run` tells it."""
        if execution_id in self.paused:
            self.say(execution_id, K.KERNEL_LOST, why="Its kernel ended.")
        elif self.holding[execution_id]["type"] != "WRAPPER":
            self.run_cell(execution_id, "KERNEL_DIED")
        if self.holding[execution_id]["parks"]:
            self.fail(execution_id, is_parked=False)
        else:
            self._end(execution_id, S.ENDED_ERROR)

    def _end(self, execution_id: str, status: S, *, handler: bool = False) -> None:
        why = "By its handler." if handler else None
        self.say(execution_id, K.ENDED, status=status, status_message=why)
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
        """Report; what is refused is refused for good."""
        event = Event(
            event_id=new_id(),
            execution_id=execution_id,
            kind=kind,
            happened_at=flowkernel.core.clock.now(),
            actor=self.worker_id,
            payload=payload,
        )
        body = {**self.who, "events": [event.to_json()]}
        self.client.post(f"/worker/{self.worker_id}/report", body)

    def die(self) -> None:
        """`kill -9`, with all its kernels."""
        for handler in self.handlers.values():
            handler.kill()
        known = self.world.dispatcher.workers.get(self.worker_id)
        if known is not None:
            known.pid = NOBODY


def pick(
    held: list[tuple[Worker, str]], which: int
) -> tuple[Worker, str] | tuple[None, str]:
    """One of them; None if there is none."""
    return held[which % len(held)] if held else (None, "")


class Interactive(RuleBasedStateMachine):
    """What can happen while flows run under `interactive`."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.known: set[str] = set()
        self.ended: dict[str, str] = {}
        self.answered: dict[str, str] = {}
        self.workers = [Worker(self.world), Worker(self.world)]
        self.person = Asks(self.world, "ada (test)")
        self._poll()

    # -- who there is --------------------------------------------------------------------

    def _poll(self) -> None:
        for worker in self.workers:
            worker.poll()

    def _live(self) -> list[str]:
        return sorted(self.world.store.live)

    def _running(self) -> list[tuple[Worker, str]]:
        """What runs cells: held, no wrapper, and not put aside."""
        return [
            (worker, execution_id)
            for worker in self.workers
            for execution_id, record in sorted(worker.holding.items())
            if record["type"] != "WRAPPER" and execution_id not in worker.paused
        ]

    def _held(self) -> list[tuple[Worker, str]]:
        return [(w, e) for w in self.workers for e in sorted(w.holding)]

    def _handlers(self) -> list[tuple[Worker, str]]:
        return [(w, e) for w in self.workers for e in sorted(w.handlers)]

    # -- what happens --------------------------------------------------------------------

    @rule(depth=st.integers(1, 2), is_interactive=st.booleans())
    def start(self, depth: int, is_interactive: bool) -> None:
        if len(self._live()) > 9:
            return
        using = [{"name": "interactive", "inputs": {}}] * depth
        request = {"source": SOURCE, "using": using, "is_interactive": is_interactive}
        self.person.start(request)
        self._poll()

    @rule(which=WHICH, how=st.sampled_from(["fail", "fail", "gone", "cell", "good"]))
    def run(self, which: int, how: str) -> None:
        worker, execution_id = pick(self._running(), which)
        if worker is None:
            return
        match how:
            case "fail":
                worker.run_cell(execution_id, "ERROR")
                worker.fail(execution_id)
            case "gone":
                worker.run_cell(execution_id, "RUNNING")
                worker.fail(execution_id, is_parked=False)
            case "cell":
                worker.run_cell(execution_id, ("SUCCESS", "RUNNING")[which % 2])
            case "good":
                worker.succeed(execution_id)

    @rule(which=WHICH)
    def wrapper_goes_on(self, which: int) -> None:
        worker, execution_id = pick(self._handlers(), which)
        if worker is not None:
            worker.go_on(execution_id)

    @rule()
    def workers_ask(self) -> None:
        self._poll()

    @rule()
    def person_does_something(self) -> None:
        self.person.channel = "notebook"
        self.person.get("/flow")
        self.person.channel = None

    @rule(which=WHICH, verb=st.sampled_from(VERBS), name=st.sampled_from("ab"))
    def answer(self, which: int, verb: str, name: str) -> None:
        messages = sorted(m.message_id for m in self.world.store.open_messages())
        if messages:
            self._answer(messages[which % len(messages)], verb, name)

    @rule(which=WHICH, name=st.sampled_from("ab"))
    def answer_too_late(self, which: int, name: str) -> None:
        if not self.answered:
            return
        message_id = sorted(self.answered)[which % len(self.answered)]
        self._answer(message_id, "fail", name)
        told = self.person.get(f"/message/{message_id}")
        assert told["answered_by"] == self.answered[message_id]

    def _answer(self, message_id: str, verb: str, name: str) -> None:
        person, refusal = Asks(self.world, f"{name} (test)"), None
        try:
            person.answer(message_id, {verb: True}, answered_from="test")
        except (NotOpen, BadAnswer) as error:
            refusal = str(error)
        if refusal is None:
            assert message_id not in self.answered
            self.answered[message_id] = name
        elif message_id in self.answered:
            assert f"{self.answered[message_id]} was first" in refusal

    @rule(minutes=st.sampled_from([1, MINUTES - 1, MINUTES, MINUTES + 1, 600]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.move(minutes=minutes)
        self._poll()
        self.world.tie_up()

    @rule(
        which=WHICH,
        verb=st.sampled_from(["cancel", "cancel", "pause", "resume", "retry"]),
    )
    def request_action(self, which: int, verb: str) -> None:
        if not self._live():
            return
        execution_id = self._live()[which % len(self._live())]
        try:
            self.person.act(execution_id, verb)
        except RequestError:
            if verb == "cancel":
                raise

    @rule(which=WHICH)
    def a_kernel_dies(self, which: int) -> None:
        worker, execution_id = pick(self._held(), which)
        if worker is not None:
            worker.lose_kernel(execution_id)

    @rule(which=WHICH, is_noticed=st.booleans())
    def a_worker_dies(self, which: int, is_noticed: bool) -> None:
        dead = self.workers[which % 2]
        dead.die()
        self.workers[which % 2] = Worker(self.world)
        if is_noticed:
            self._notice(dead)

    def _notice(self, dead: Worker) -> None:
        self.world.clock.move(seconds=CONFIG.lease + 1)
        self._poll()
        self.world.tie_up()
        live = self.world.store.live.values()
        held = [e for e in live if e.worker == dead.worker_id]
        assert [e for e in held if e.status is not S.QUEUED] == []

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

    # -- what holds ----------------------------------------------------------------------

    def _rows(self, question: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.world.store.query(question).rows]

    @invariant()
    def what_ended_stays_as_it_ended(self) -> None:
        if not hasattr(self, "world"):
            return
        store = self.world.store
        self.known |= store.live.keys()
        for execution_id in self.known - store.live.keys():
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
        """Somebody says Fail to everything; nothing may be left over."""
        for _ in range(60):
            if not self._live():
                return
            self.world.clock.move(seconds=CONFIG.lease + 1)
            self._poll()
            self.world.tie_up()
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
        left = [
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
        raise AssertionError(f"these never end: {left}")

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
        """All that a wrapper started are tries of one call, each after the one before."""
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
        """Each came to one end: an answer with who, when and from where, or why there is
        none."""
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
        """Nothing is said of what ended, and a wrapper that came to its end came after what
        it ran. (One that was cancelled or killed ended at once.)"""
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
        before = [self._rows(f"FROM {table} ORDER BY ALL") for table in tables]
        self.world.store.rebuild()
        assert [self._rows(f"FROM {table} ORDER BY ALL") for table in tables] == before


Interactive.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestInteractive = Interactive.TestCase
