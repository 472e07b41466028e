"""Gives queued executions to workers, and takes back what a lost one held.

Everything here happens in the engine's event loop, one thing at a time. What it decides goes
to the store as events; what it knows comes back from the store as events. Pure decisions are
made elsewhere: whose turn it is in `board`, what a worker has to do in `orders`, what follows
with a parent in `children` and after a loss in `losses`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, fields
from logging import getLogger
from typing import Any

from flowkernel.config import Config
from flowkernel.core.clock import monotonic, now
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Event, EventKind, Execution, Json, RequestedAction
from flowkernel.core.process_id import is_alive
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.assignments import Assignments, WorkerHoldings, orders
from flowkernel.engine.dispatch.cancellation import (
    cancelled_with,
    cancels,
    late,
    never_started,
)
from flowkernel.engine.dispatch.lost_workers import lost, orphans
from flowkernel.engine.dispatch.slots import SlotTable, is_external
from flowkernel.engine.dispatch.wait_registry import WaitRegistry
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.event_stream import EventStream
from flowkernel.engine.prompts.stale_prompts import stale_events
from flowkernel.engine.service import Service, make_event
from flowkernel.engine.start_plan import notebook_path
from flowkernel.kernels.parked.registry import sweep_parked

S = ExecutionStatus
K = EventKind
#: What nobody is woken for.
SILENT = frozenset({K.CREATED, K.LOGGED, K.CELL_STARTED, K.CELL_ENDED})
SWEEP_EVERY = 1.0  #: Seconds between looks for lost workers.
REST_SECONDS = 10.0  #: The same while nothing is under way: nothing can be lost.
log = getLogger(__name__)


@dataclass(eq=False)
class WorkerLease:
    """A worker that has asked for work."""

    worker_id: str
    pid: int
    process_started_at: float
    last_heard: float
    holding: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)  #: Ended, it said, and is putting away.
    paused: set[str] = field(default_factory=set)
    polls: int = 0  #: Questions of it that are open just now.
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def held(self) -> WorkerHoldings:
        """What it said it has, the last time it asked."""
        return WorkerHoldings(
            worker_id=self.worker_id, holding=self.holding, paused=self.paused
        )


class Dispatcher:
    """Who runs what. One per engine."""

    def __init__(
        self, service: Service, processes: WorkerProcesses, stream: EventStream
    ) -> None:
        self.service = service
        self.config: Config = service.config
        self.board = SlotTable(self.config.slot_count)
        self.waits = WaitRegistry()
        self.workers: dict[str, WorkerLease] = {}
        self.progress: dict[str, Progress] = {}
        self.last_asked = (
            monotonic()
        )  #: When somebody other than a worker asked something.
        self.is_stopping = False
        self.is_homeless = (
            False  #: The home was deleted or moved: nothing can be recorded.
        )
        self._processes = processes
        self._stream = stream
        self._opened_at = monotonic()
        self._moved: dict[str, asyncio.Event] = {}
        self._stirred = asyncio.Event()  #: Something happened since the last look.
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what happened -------------------------------------------------------------------

    def open(self) -> None:
        """Take in what was under way when the last engine went."""
        for execution in sorted(self._live, key=lambda e: e.created_at):
            self.board.recall(execution)
            runs = self.service.store.cell_runs(execution.execution_id)
            ended = sum(run.ended_at is not None for run in runs)
            self.progress[execution.execution_id] = Progress(cells_ended=ended)
        self._pump()

    def on_events(self, events: list[Event]) -> None:
        """Follow what was committed."""
        for event in events:
            self._follow(event)
        self._stream.publish(events)
        self._stirred.set()
        self._pump()

    def _follow(self, event: Event) -> None:
        execution_id = event.execution_id
        self.board.apply(event)
        if event.kind is K.ENDED:
            self._follow_end(event)
        elif event.kind in (K.FAILED, K.KERNEL_LOST):
            self.waits.note(execution_id, S.PAUSED)
            self._is_paused_in(event)
        elif event.kind is K.PAUSED:
            self._is_paused_in(event)
        elif event.kind in (K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED):
            message_id = event.payload["message_id"]
            for waiter in self.waits.note(message_id, S.ENDED_SUCCESS):
                self.board.resume(waiter)
        elif event.kind is K.CREATED or execution_id in self.progress:
            self._cancel_late_child(event)
            before = self.progress.get(execution_id, Progress())
            self.progress[execution_id] = fold_progress(before, event)
        if cancels(event):
            self._decide(cancelled_with(execution_id, self._live))
        if event.kind not in SILENT:
            self._wake(execution_id)

    def _wake(self, execution_id: str) -> None:
        """Tell whoever listens that something happened to it: who waits, and its worker."""
        moved = self._moved.pop(execution_id, None)
        if moved is not None:
            moved.set()
        execution = self.service.store.live.get(execution_id)
        worker = self.workers.get((execution.worker if execution else None) or "")
        for one in [worker] if worker else self.workers.values():
            one.news.set()

    def _follow_end(self, event: Event) -> None:
        execution_id = event.execution_id
        self.progress.pop(execution_id, None)
        if (teller := self.workers.get(event.actor)) is not None:
            teller.over.add(execution_id)  # It knows, and need not be told.
            teller.holding.discard(execution_id)
        # Before anything that never started gets the slot that is free now.
        for waiter in self.waits.note(execution_id, S(event.payload["status"])):
            self.board.resume(waiter)
        self._decide(never_started(execution_id, self._live))

    def _is_paused_in(self, event: Event) -> None:
        """The question that its worker holds open was asked before."""
        if (teller := self.workers.get(event.actor)) is not None:
            teller.paused.add(event.execution_id)

    def _cancel_late_child(self, event: Event) -> None:
        parent_id = event.payload.get("parent_id") if event.kind is K.CREATED else None
        child = self.service.store.live.get(event.execution_id)
        if parent_id is not None and child is not None:
            self._decide(late(child, self.service.store.get_execution(parent_id)))

    async def moved(self, execution_id: str, seconds: float) -> bool:
        """Wait for the next change of its status; whether it came within `seconds`."""
        change = self._moved.setdefault(execution_id, asyncio.Event())
        try:
            await asyncio.wait_for(change.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    # -- what follows --------------------------------------------------------------------

    def _pump(self) -> None:
        """Give free slots to those whose turn it is."""
        if self.is_stopping:
            return
        events = [
            make_event(execution_id, K.RESUMED)
            for execution_id in self.board.grant_resumes()
        ]
        worker = self._idlest()
        if worker is not None:
            chosen = self.board.grant_starts()
            events += [self._started(execution_id, worker) for execution_id in chosen]
        elif self.board.queued and self.board.free > 0:
            self.need_worker()
        self._decide(events)

    def _started(self, execution_id: str, worker: WorkerLease) -> Event:
        path = notebook_path(self.service.store.live[execution_id])
        return make_event(
            execution_id, K.STARTED, worker=worker.worker_id, notebook_path=path
        )

    def _idlest(self) -> WorkerLease | None:
        ours = [
            worker
            for worker in self.workers.values()
            if not is_external(worker.worker_id)
            and monotonic() - worker.last_heard < self.config.lease
        ]
        return min(ours, key=lambda worker: len(worker.holding), default=None)

    def need_worker(self) -> None:
        """Start a worker unless there is one, or one is on its way."""
        if self._idlest() is None and not self._processes.is_coming(set(self.workers)):
            self._processes.start()

    def resume(self, execution_id: str) -> None:
        """It wants its slot back: its wait is over, or a person said so."""
        self.board.resume(execution_id)
        self._pump()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside what goes on."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _decide(self, events: list[Event]) -> None:
        """Have it recorded, if it is anything, beside what goes on."""
        if events:
            self.spawn(self._commit(events))

    async def _commit(self, events: list[Event]) -> None:
        try:
            done = await asyncio.to_thread(
                self.service.store.append, events, strict=False
            )
        except FlowkernelError:
            log.exception("could not record what was decided")
            done = []
            await asyncio.sleep(SWEEP_EVERY)  # A full disk: try again, but not at once.
        kept = {event.event_id for event in done}
        for event in events:
            if event.event_id not in kept:  # It ended meanwhile, or the disk is full.
                self._take_back(event)
        if len(done) < len(events):
            self._pump()

    def _take_back(self, event: Event) -> None:
        self.board.take_back(event.execution_id)
        execution = self.service.store.live.get(event.execution_id)
        if event.kind is not K.RESUMED or execution is None:
            return
        if (
            execution.status is S.WAITING
            or execution.requested_action is RequestedAction.RESUME
        ):
            self.board.resume(event.execution_id)

    # -- workers -------------------------------------------------------------------------

    def heard(
        self, worker_id: str, *, pid: int, process_started_at: float
    ) -> WorkerLease:
        """A worker said something."""
        worker = self.workers.get(worker_id)
        if worker is None:
            worker = WorkerLease(worker_id, pid, process_started_at, monotonic())
            self.workers[worker_id] = worker
            self._pump()
        worker.last_heard = monotonic()
        return worker

    async def poll(
        self, worker: WorkerLease, holding: set[str], paused: set[str]
    ) -> Json:
        """What a worker has to do; waits a little if that is nothing."""
        worker.over &= holding
        worker.holding, worker.paused = holding - worker.over, paused
        worker.polls += 1
        try:
            deadline = monotonic() + self.config.poll
            while True:
                worker.news.clear()
                told, left = self._orders(worker), deadline - monotonic()
                if told.is_something or left <= 0:
                    return self._as_told(told)
                with suppress(TimeoutError):
                    await asyncio.wait_for(worker.news.wait(), left)
        finally:
            worker.polls -= 1
            worker.last_heard = monotonic()

    def _orders(self, worker: WorkerLease) -> Assignments:
        return orders(
            self._live,
            worker.held,
            is_stopping=self.is_stopping,
            is_homeless=self.is_homeless,
        )

    def _as_told(self, told: Assignments) -> Json:
        """Orders as a worker gets them: what it is to start comes with its source."""
        said = {item.name: getattr(told, item.name) for item in fields(told)}
        return {
            **said,
            "start": [self._assignment(e) for e in told.start],
            "decisions": {
                execution_id: decision and decision.to_json()
                for execution_id, decision in told.decisions.items()
            },
        }

    def _assignment(self, execution: Execution) -> Json:
        version = self.service.store.get_version(execution.flow_version)
        return {"execution": execution.to_json(), "version": version.to_json()}

    async def sweep(self, stop: Callable[[], None]) -> None:
        """Look for lost workers, for ever; `stop` once nobody needs this engine."""
        while not self.is_stopping:
            await self._pause()
            self._processes.reap()
            for worker in list(self.workers.values()):
                if self._is_lost(worker):
                    del self.workers[worker.worker_id]
            await self._tie_up()
            self._pump()
            if self.is_idle:
                stop()

    async def _tie_up(self) -> None:
        """Say what follows where a worker is lost, or nobody is left to decide."""
        events = [event for one in self._orphans() for event in lost(one, self.config)]
        if events:
            sweep_parked(self.service.home.path)
            await self._commit(events)
        store = self.service.store
        prompts = [m for m in store.open_messages() if m.about_id is not None]
        find = store.find_execution
        events = await asyncio.to_thread(stale_events, store.live, prompts, find)
        if events:
            await self._commit(events)

    async def _pause(self) -> None:
        """Until the next sweep: soon while something is under way, else when it is again."""
        if any(execution.is_under_way for execution in self._live):
            await asyncio.sleep(SWEEP_EVERY)
            return
        self._stirred.clear()
        rest = min(REST_SECONDS, max(SWEEP_EVERY, self.config.idle_exit))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), rest)
        await asyncio.sleep(SWEEP_EVERY if self._stirred.is_set() else 0)

    def _is_lost(self, worker: WorkerLease) -> bool:
        silence = monotonic() - worker.last_heard
        if worker.polls and is_alive(worker.pid, worker.process_started_at):
            return False
        if silence < self.config.lease:
            return False
        alive = is_alive(worker.pid, worker.process_started_at)
        return silence > self.config.silence or not alive

    def _orphans(self) -> list[Execution]:
        """What a lost worker held; none before every worker had time to ask this engine."""
        if monotonic() - self._opened_at < self.config.lease:
            return []
        return orphans(self._live, self.workers, now(), self.config.lease)

    def leave(self) -> None:
        """The home is gone: let every worker drop what it holds, and go."""
        self.is_stopping = self.is_homeless = True
        for worker in self.workers.values():
            worker.news.set()

    # -- coming and going ----------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way and nobody has asked anything for a while."""
        return (
            not any(execution.is_under_way for execution in self._live)
            and self._stream.watchers == 0
            and monotonic() - self.last_asked > self.config.idle_exit
        )

    @property
    def _live(self) -> list[Execution]:
        """What has not ended. A copy: the store's thread adds to it and takes away."""
        return list(self.service.store.live.values())
