"""Gives queued executions to workers, and takes back what a lost one had.

Everything here happens in the engine's event loop, one thing at a time. What it decides goes
to the store as events; what it knows comes back from the store as events. The decisions, which
are pure, are in modules of their own: who gets a slot in `slots`, what a worker has to do in
`assignments`, what follows for children in `cancellation` and after a loss in `lost_workers`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from logging import getLogger
from typing import Any

from flowkernel.core.clock import monotonic, now
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Event, EventKind, Execution, Json, RequestedAction
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.assignments import (
    Assignments,
    plan_assignments,
)
from flowkernel.engine.dispatch.cancellation import (
    cancel_children,
    cancel_late_child,
    cancel_pending_children,
    cancels,
)
from flowkernel.engine.dispatch.lost_workers import find_orphans, loss_events
from flowkernel.engine.dispatch.slots import SlotTable, is_external
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

S = ExecutionStatus
K = EventKind
#: Events of these kinds wake no worker and end no wait.
SILENT = frozenset({K.CREATED, K.LOGGED, K.CELL_STARTED, K.CELL_ENDED})
SWEEP_EVERY = 1.0  #: Seconds between looks for lost workers.
IDLE_SECONDS = 10.0  #: The same while nothing is under way: nothing can be lost.
log = getLogger(__name__)


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
        self._processes = processes
        self._stream = stream
        self._opened_at = monotonic()
        self._changes: dict[str, asyncio.Event] = {}
        self._has_events = asyncio.Event()  #: Something happened since the last sweep.
        self._tasks: set[asyncio.Task[None]] = set()

    # -- following events ----------------------------------------------------------------

    def open(self) -> None:
        """Follow what was under way when the last engine ended."""
        for execution in sorted(self._live, key=lambda e: e.created_at):
            self.slots.recall(execution)
            runs = self.service.store.cell_runs(execution.execution_id)
            ended = sum(run.ended_at is not None for run in runs)
            self.progress[execution.execution_id] = Progress(cells_ended=ended)
        self._grant_slots()

    def on_events(self, events: list[Event]) -> None:
        """Follow what was committed."""
        for event in events:
            self._follow(event)
        self._stream.publish(events)
        self._has_events.set()
        self._grant_slots()

    def _follow(self, event: Event) -> None:
        execution_id = event.execution_id
        self.slots.apply(event)
        if event.kind is K.ENDED:
            self._follow_end(event)
        elif event.kind in (K.FAILED, K.KERNEL_LOST):
            self.waits.note(execution_id, S.PAUSED)
            self._note_paused(event)
        elif event.kind is K.PAUSED:
            self._note_paused(event)
        elif event.kind in (K.MESSAGE_ANSWERED, K.MESSAGE_CLOSED):
            message_id = event.payload["message_id"]
            for waiter in self.waits.note(message_id, S.ENDED_SUCCESS):
                self.slots.resume(waiter)
        elif event.kind is K.CREATED or execution_id in self.progress:
            self._cancel_late_child(event)
            progress = self.progress.get(execution_id, Progress())
            self.progress[execution_id] = fold_progress(progress, event)
        if cancels(event):
            self._record(cancel_children(execution_id, self._live))
        if event.kind not in SILENT:
            self._wake(execution_id)

    def _wake(self, execution_id: str) -> None:
        """Wake the requests that wait for a change of it, and its worker."""
        change = self._changes.pop(execution_id, None)
        if change is not None:
            change.set()
        execution = self.service.store.live.get(execution_id)
        worker = self.workers.get((execution.worker if execution else None) or "")
        for lease in [worker] if worker else self.workers.values():
            lease.has_news.set()

    def _follow_end(self, event: Event) -> None:
        execution_id = event.execution_id
        self.progress.pop(execution_id, None)
        if (reporter := self.workers.get(event.actor)) is not None:
            reporter.ended.add(execution_id)  # It need not drop what it reported.
            reporter.holding.discard(execution_id)
        # Before anything that never started gets the slot that is free now.
        for waiter in self.waits.note(execution_id, S(event.payload["status"])):
            self.slots.resume(waiter)
        self._record(cancel_pending_children(execution_id, self._live))

    def _note_paused(self, event: Event) -> None:
        """The worker that reported it sent the poll that is open before that."""
        if (reporter := self.workers.get(event.actor)) is not None:
            reporter.paused.add(event.execution_id)

    def _cancel_late_child(self, event: Event) -> None:
        parent_id = event.payload.get("parent_id") if event.kind is K.CREATED else None
        child = self.service.store.live.get(event.execution_id)
        if parent_id is not None and child is not None:
            parent = self.service.store.get_execution(parent_id)
            self._record(cancel_late_child(child, parent))

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
        events = [
            make_event(execution_id, K.RESUMED)
            for execution_id in self.slots.grant_resumes()
        ]
        worker = self._idlest_worker()
        if worker is not None:
            grants = self.slots.grant_starts()
            events += [self._started(execution_id, worker) for execution_id in grants]
        elif self.slots.queued and self.slots.free > 0:
            self.ensure_worker()
        self._record(events)

    def _started(self, execution_id: str, worker: WorkerLease) -> Event:
        execution = self.service.store.live[execution_id]
        return make_event(
            execution_id,
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

    def _record(self, events: list[Event]) -> None:
        """Have events recorded, if there are any, in a task of its own."""
        if events:
            self.spawn(self._commit(events))

    async def _commit(self, events: list[Event]) -> None:
        try:
            recorded = await asyncio.to_thread(
                self.service.store.append, events, strict=False
            )
        except FlowkernelError:
            log.exception("could not record what was decided")
            recorded = []
            await asyncio.sleep(SWEEP_EVERY)  # A full disk: try again, but not at once.
        recorded_ids = {event.event_id for event in recorded}
        for event in events:
            if event.event_id not in recorded_ids:  # It ended, or the disk is full.
                self._take_back(event)
        if len(recorded) < len(events):
            self._grant_slots()

    def _take_back(self, event: Event) -> None:
        self.slots.take_back(event.execution_id)
        execution = self.service.store.live.get(event.execution_id)
        if event.kind is not K.RESUMED or execution is None:
            return
        is_resuming = execution.requested_action is RequestedAction.RESUME
        if execution.status is S.WAITING or is_resuming:
            self.slots.resume(event.execution_id)

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
            self._live,
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
        events = [e for orphan in orphans for e in loss_events(orphan, self.config)]
        if events:
            sweep_parked(self.service.home.path)
            await self._commit(events)
        store = self.service.store
        prompts = [m for m in store.open_messages() if m.about_id is not None]
        find = store.find_execution
        events = await asyncio.to_thread(stale_events, store.live, prompts, find)
        if events:
            await self._commit(events)

    async def _sleep(self) -> None:
        """Until the next sweep: soon while something is under way, else when it is again."""
        if any(execution.is_under_way for execution in self._live):
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
        return find_orphans(self._live, self.workers, now(), self.config.lease)

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
            not any(execution.is_under_way for execution in self._live)
            and self._stream.watchers == 0
            and monotonic() - self.last_request_at > self.config.idle_exit
        )

    @property
    def _live(self) -> list[Execution]:
        """What has not ended. A copy: the store's thread adds to it and takes away."""
        return list(self.service.store.live.values())
