"""Gives queued executions to workers, and takes back what a lost one had.

Everything here happens in the engine's event loop, one thing at a time. What it knows comes
from the store, commit by commit: the events, and the executions as they were right after them.
It never looks at anything newer. What it decides goes to the store, whose writer decides again
where the state may have changed meanwhile. The decisions, which are pure, are in modules of
their own: who gets a slot in `slots`, what a worker has to do in `assignments`, what follows
for children in `cancellation` and after a loss in `lost_workers`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from logging import getLogger
from typing import Any, TypeVar

from flowkernel.core.clock import monotonic, now
from flowkernel.core.models import Event, EventKind, Execution, Json
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.assignments import (
    Assignments,
    plan_assignments,
)
from flowkernel.engine.dispatch.cancellation import (
    NEVER_STARTED,
    WITH_PARENT,
    cancel_children,
    cancels,
    to_cancel,
)
from flowkernel.engine.dispatch.live_families import LiveFamilies
from flowkernel.engine.dispatch.lost_workers import find_orphans, record_losses
from flowkernel.engine.dispatch.slots import Grant, SlotTable, is_external
from flowkernel.engine.dispatch.wait_registry import WaitRegistry
from flowkernel.engine.dispatch.worker_lease import WorkerLease
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.event_factory import make_event
from flowkernel.engine.event_stream import EventStream
from flowkernel.engine.prompts.stale_prompts import stale_events
from flowkernel.engine.service import (
    Service,
)
from flowkernel.engine.start_plan import notebook_path
from flowkernel.kernels.parked.registry import sweep_parked
from flowkernel.store import Batch, Commit

S = ExecutionStatus
K = EventKind
#: Events of these kinds wake no worker and end no wait.
SILENT = frozenset({K.CREATED, K.LOGGED, K.CELL_STARTED, K.CELL_ENDED})
SWEEP_EVERY = 1.0  #: Seconds between looks for lost workers.
IDLE_SECONDS = 10.0  #: The same while nothing is under way: nothing can be lost.
log = getLogger(__name__)
T = TypeVar("T")


class Dispatcher:
    """Who runs what. One per engine."""

    def __init__(
        self, service: Service, processes: WorkerProcesses, stream: EventStream
    ) -> None:
        self.service = service
        self.config = service.config
        self.slots = SlotTable(self.config.slot_count)
        self.waits = WaitRegistry()
        self.workers: dict[str, WorkerLease] = {}
        self.progress: dict[str, Progress] = {}
        #: When a client other than a worker sent its last request.
        self.last_request_at = monotonic()
        self.is_stopping = False
        #: The home was deleted or moved: nothing can be recorded.
        self.is_homeless = False
        #: The moment that everything here is of.
        self.commit = Commit(seq=0, live={}, messages={})
        self._processes = processes
        self._stream = stream
        self._opened_at = monotonic()
        self._families = LiveFamilies()
        self._changes: dict[str, asyncio.Event] = {}
        self._has_events = asyncio.Event()  #: Something happened since the last sweep.
        self._tasks: set[asyncio.Task[None]] = set()

    # -- following the store -------------------------------------------------------------

    def open(self, commit: Commit) -> None:
        """Follow what was under way when the last engine ended."""
        self.commit = commit
        self._families.recall(commit.live.values())
        ended_cells = self.service.store.count_ended_cells()
        for execution in sorted(commit.live.values(), key=lambda e: e.created_at):
            self.slots.recall(execution)
            ended = ended_cells.get(execution.execution_id, 0)
            self.progress[execution.execution_id] = Progress(cells_ended=ended)
        self._grant_slots()

    def on_commit(self, commit: Commit) -> None:
        """Follow what was committed. An event that fails here loses its own reaction only."""
        self.commit = commit
        for event in commit.events:
            try:
                self._follow(event)
            except Exception:
                log.exception(f"could not follow event {event.event_id} ({event.kind})")
        self._stream.publish(list(commit.events))
        self._has_events.set()
        self._grant_slots()

    @property
    def live(self) -> Mapping[str, Execution]:
        """The executions that had not ended at this moment, by id."""
        return self.commit.live

    def _follow(self, event: Event) -> None:
        execution_id = event.execution_id
        self.slots.apply(event)
        self._families.apply(event)
        self._follow_progress(event)
        if event.kind is K.ENDED:
            self._follow_end(event)
        elif event.kind in (K.FAILED, K.KERNEL_LOST):
            self.waits.note(execution_id, S.PAUSED)
            self._note_paused(event)
        elif event.kind is K.PAUSED:
            self._note_paused(event)
        elif event.kind in (K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED):
            self._resume_all(
                self.waits.note(event.payload["message_id"], S.ENDED_SUCCESS)
            )
        self._cancel_children(event)
        if event.kind not in SILENT:
            self._wake(execution_id)

    def _follow_progress(self, event: Event) -> None:
        execution_id = event.execution_id
        if event.kind is K.ENDED:
            self.progress.pop(execution_id, None)
        elif event.kind is K.CREATED or execution_id in self.progress:
            progress = self.progress.get(execution_id, Progress())
            self.progress[execution_id] = fold_progress(progress, event)

    def _follow_end(self, event: Event) -> None:
        execution_id = event.execution_id
        if (reporter := self.workers.get(event.actor)) is not None:
            reporter.ended.add(execution_id)  # It need not drop what it reported.
            reporter.holding.discard(execution_id)
        # Before anything that never started gets the slot that is free now.
        status = S(event.payload["status"])
        self._resume_all(self.waits.note(execution_id, status))

    def _resume_all(self, waiters: list[str]) -> None:
        for waiter in waiters:
            self.slots.resume(waiter)

    def _note_paused(self, event: Event) -> None:
        """The worker that reported it sent the poll that is open before that."""
        if (reporter := self.workers.get(event.actor)) is not None:
            reporter.paused.add(event.execution_id)

    def _cancel_children(self, event: Event) -> None:
        """Cancel the children that cannot go on without their parent."""
        if event.kind not in (K.REQUESTED, K.ENDED):
            return
        child_ids = self._families.children(event.execution_id)
        live = [self.live[child_id] for child_id in child_ids if child_id in self.live]
        children = [child.execution_id for child in to_cancel(event, live)]
        if children:
            sentence = WITH_PARENT if cancels(event) else NEVER_STARTED
            cancel = partial(cancel_children, child_ids=children, sentence=sentence)
            self.spawn(self._decide(cancel))

    def _wake(self, execution_id: str) -> None:
        """Wake the requests that wait for a change of it, and its worker."""
        change = self._changes.pop(execution_id, None)
        if change is not None:
            change.set()
        execution = self.live.get(execution_id)
        worker = self.workers.get((execution.worker if execution else None) or "")
        for lease in [worker] if worker else self.workers.values():
            lease.has_news.set()

    async def wait_for_change(self, execution_id: str, seconds: float) -> bool:
        """Wait for the next change of its status; whether it came within `seconds`."""
        change = self._changes.setdefault(execution_id, asyncio.Event())
        try:
            await asyncio.wait_for(change.wait(), max(0.0, seconds))
        except TimeoutError:
            return False
        return True

    # -- giving slots --------------------------------------------------------------------

    def _grant_slots(self) -> None:
        """Give free slots to those whose turn it is."""
        if self.is_stopping:
            return
        grants = [
            (grant, make_event(grant.execution_id, K.RESUMED))
            for grant in self.slots.grant_resumes()
        ]
        worker = self._idlest_worker()
        if worker is not None:
            starts = self.slots.grant_starts()
            grants += [(grant, self._started(grant, worker)) for grant in starts]
        elif self.slots.queued and self.slots.free > 0:
            self.ensure_worker()
        if grants:
            self.spawn(self._record(grants))

    def _started(self, grant: Grant, worker: WorkerLease) -> Event:
        execution = self.live[grant.execution_id]
        return make_event(
            execution.execution_id,
            K.STARTED,
            worker=worker.worker_id,
            notebook_path=notebook_path(execution),
            attempt=execution.attempt,
        )

    def _idlest_worker(self) -> WorkerLease | None:
        leases = [
            worker
            for worker in self.workers.values()
            if not is_external(worker.worker_id)
            and monotonic() - worker.last_seen < self.config.lease
        ]
        return min(leases, key=lambda worker: len(worker.holding), default=None)

    def ensure_worker(self) -> None:
        """Start a worker unless there is one, or one is starting."""
        is_starting = self._processes.is_starting(set(self.workers))
        if self._idlest_worker() is None and not is_starting:
            self._processes.start()

    def resume(self, execution_id: str) -> None:
        """Give it a slot again, when it is its turn: its wait is over, or it was resumed."""
        self.slots.resume(execution_id)
        self._grant_slots()

    # -- recording -----------------------------------------------------------------------

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it in a task of its own."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record(self, grants: list[tuple[Grant, Event]]) -> None:
        """Record grants; take back those that cannot be recorded."""
        events = [event for _, event in grants]
        append = partial(Batch.append, events=events, strict=False)
        recorded = await self._decide(append) or []
        recorded_ids = {event.event_id for event in recorded}
        refused = [g for g, event in grants if event.event_id not in recorded_ids]
        for grant in refused:  # It ended meanwhile, or the disk is full.
            self.slots.take_back(grant)
        if refused:
            self._grant_slots()

    async def _decide(self, decide: Callable[[Batch], T]) -> T | None:
        """Have something decided and recorded; None, after a pause, if it cannot be."""
        try:
            return await asyncio.to_thread(self.service.store.decide, decide)
        except Exception:
            log.exception("could not record what was decided")
        await asyncio.sleep(SWEEP_EVERY)  # A full disk: try again, but not at once.
        return None

    # -- workers -------------------------------------------------------------------------

    def note_worker(
        self, worker_id: str, *, pid: int, process_started_at: float
    ) -> WorkerLease:
        """Note a request of a worker; its lease."""
        worker = self.workers.get(worker_id)
        if worker is None:
            worker = WorkerLease(worker_id, pid, process_started_at, monotonic())
            self.workers[worker_id] = worker
            self._grant_slots()
        worker.last_seen = monotonic()
        return worker

    async def poll(
        self, worker: WorkerLease, holding: set[str], paused: set[str]
    ) -> Json:
        """What a worker has to do, as JSON; waits a little if that is nothing."""
        worker.ended &= holding
        worker.holding, worker.paused = holding - worker.ended, paused
        worker.polls += 1
        try:
            deadline = monotonic() + self.config.poll
            while True:
                worker.has_news.clear()
                assignments = self._assignments(worker)
                seconds = deadline - monotonic()
                if assignments.has_work or seconds <= 0:
                    return self._poll_response(assignments)
                with suppress(TimeoutError):
                    await asyncio.wait_for(worker.has_news.wait(), seconds)
        finally:
            worker.polls -= 1
            worker.last_seen = monotonic()

    def _assignments(self, worker: WorkerLease) -> Assignments:
        return plan_assignments(
            self.live.values(),
            worker.holdings,
            is_stopping=self.is_stopping,
            is_homeless=self.is_homeless,
        )

    def _poll_response(self, assignments: Assignments) -> Json:
        """Assignments as JSON: what is to be started comes with its source."""
        decisions = {
            execution_id: decision and decision.to_json()
            for execution_id, decision in assignments.decisions.items()
        }
        return {
            "start": [self._start_record(e) for e in assignments.start],
            "cancel": assignments.cancel,
            "pause": assignments.pause,
            "resume": assignments.resume,
            "decisions": decisions,
            "drop": assignments.drop,
            "stop": assignments.stop,
        }

    def _start_record(self, execution: Execution) -> Json:
        version = self.service.store.get_version(execution.flow_version)
        return {"execution": execution.to_json(), "version": version.to_json()}

    # -- sweeping ------------------------------------------------------------------------

    async def sweep(self, stop: Callable[[], None]) -> None:
        """Look for lost workers, without end; call `stop` once this engine is idle."""
        while not self.is_stopping:
            await self._sleep()
            self._processes.reap()
            self.forget_lost_workers()
            await self.recover()
            self._grant_slots()
            if self.is_idle:
                stop()

    def forget_lost_workers(self) -> None:
        """Remove the workers that are gone."""
        for worker in list(self.workers.values()):
            if worker.is_lost(self.config):
                del self.workers[worker.worker_id]

    async def recover(self) -> None:
        """Record what follows where a worker is lost, or a prompt is out of date."""
        orphans = self._orphans()
        if orphans:
            sweep_parked(self.service.home.path)
            await self._decide(partial(record_losses, orphans, self.config))
        commit = self.commit
        prompts = [m for m in commit.open_messages() if m.about_id is not None]
        find = self.service.store.find_execution
        events = await asyncio.to_thread(stale_events, commit.live, prompts, find)
        if events:
            await self._decide(partial(Batch.append, events=events, strict=False))

    async def _sleep(self) -> None:
        """Until the next sweep: soon while something is under way, else when it is again."""
        if any(execution.is_under_way for execution in self.live.values()):
            await asyncio.sleep(SWEEP_EVERY)
            return
        self._has_events.clear()
        seconds = min(IDLE_SECONDS, max(SWEEP_EVERY, self.config.idle_exit))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_events.wait(), seconds)
        await asyncio.sleep(SWEEP_EVERY if self._has_events.is_set() else 0)

    def _orphans(self) -> list[Execution]:
        """What a lost worker had; none before every worker had time to poll this engine."""
        if monotonic() - self._opened_at < self.config.lease:
            return []
        return find_orphans(self.live.values(), self.workers, now(), self.config.lease)

    # -- stopping ------------------------------------------------------------------------

    def stop_workers(self, *, is_homeless: bool = False) -> None:
        """Tell every worker to stop; if the home is gone, also to drop what it has."""
        self.is_stopping = True
        self.is_homeless = self.is_homeless or is_homeless
        for worker in self.workers.values():
            worker.has_news.set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and no client sent a request for a while."""
        return (
            not any(execution.is_under_way for execution in self.live.values())
            and self._stream.watchers == 0
            and monotonic() - self.last_request_at > self.config.idle_exit
        )
