"""Gives queued executions to workers, and takes back what a lost one had.

Everything here happens in the engine's event loop, one thing at a time. What it knows comes
from the store, commit by commit: the events, and the executions as they were right after them.
It never looks at anything newer. What it decides goes to the store, whose writer decides again
where the state may have changed meanwhile. The decisions, which are pure, are in modules of
their own: who gets a slot in `slots`, what a worker has to do in `assignments`, what follows
for children in `family_follower` and after a loss in `lost_workers`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from logging import getLogger
from typing import Any, TypeVar

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineError
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, Json
from flowkernel.core.progress import Progress, fold_progress
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.dispatch.assignments import (
    Assignments,
    find_dropped,
    plan_assignments,
)
from flowkernel.engine.dispatch.family_follower import FamilyFollower
from flowkernel.engine.dispatch.in_thread import InThread
from flowkernel.engine.dispatch.kept_kernels import KeptKernels
from flowkernel.engine.dispatch.known_workers import KnownWorkers
from flowkernel.engine.dispatch.lost_workers import (
    find_failed_starts,
    record_losses,
)
from flowkernel.engine.dispatch.places import Places
from flowkernel.engine.dispatch.slots import Grant, SlotTable
from flowkernel.engine.dispatch.wait_registry import (
    WaitRegistry,
    execution_ended,
    message_closed,
)
from flowkernel.engine.dispatch.worker_lease import WorkerLease, WorkerState
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.notebook_paths import notebook_path
from flowkernel.engine.service import (
    Service,
)
from flowkernel.engine.streams.record_streams import RecordStreams
from flowkernel.store import Batch, Commit

S = ExecutionStatus
K = EventKind
#: Events of these kinds wake no worker and end no wait.
SILENT = frozenset({K.CREATED, K.LOGGED, K.CELL_STARTED, K.CELL_ENDED})
PAUSE = 1.0  #: Seconds after something could not be recorded: the disk may be full.
log = getLogger(__name__)
T = TypeVar("T")


class Dispatcher:
    """Who runs what. One per engine."""

    def __init__(
        self,
        service: Service,
        processes: WorkerProcesses,
        streams: RecordStreams,
        *,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        """`in_thread` calls the store, which is synchronous; commits are heard before it."""
        self.in_thread = in_thread
        self.service = service
        self.config = service.config
        self.slots = SlotTable(self.config.slot_count)
        self.waits = WaitRegistry()
        self.workers = KnownWorkers(self.config)
        self.kept_kernels = KeptKernels()
        self.progress: dict[str, Progress] = {}
        #: When a client other than a worker sent its last request.
        self.last_request_at = monotonic()
        self.is_stopping = False
        #: The home was deleted or moved: nothing can be recorded.
        self.is_homeless = False
        #: The moment that everything here is of.
        self.commit = Commit(seq=0, live={}, messages={})
        self._processes = processes
        self._streams = streams
        self._families = FamilyFollower(self._insist)
        self._changes: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- following the store -------------------------------------------------------------

    def open(self, commit: Commit) -> None:
        """Follow what was under way when the last engine ended."""
        self.commit = commit
        self._families.open(commit.live, self.service.store.lines_above(commit.live))
        self.kept_kernels.open(self.service.store.list_kept())
        self.workers.recall([*commit.live.values(), *self.kept_kernels.executions])
        ended_cells = self.service.store.count_ended_cells()
        for execution in sorted(commit.live.values(), key=lambda e: e.created_at):
            self.slots.recall(execution)
            ended = ended_cells.get(execution.execution_id, 0)
            self.progress[execution.execution_id] = Progress(cells_ended=ended)
        self.grant_slots()

    def on_commit(self, commit: Commit) -> None:
        """Follow what was committed. An event that fails here loses its own reaction only."""
        previous, self.commit = self.commit, commit
        self.kept_kernels.follow(commit)
        if commit.removed:  # A deletion has no event.
            self.workers.wake_keepers()
        root_ids: dict[int, str] = {}
        for event in commit.events:
            try:
                self._follow(event)
                root_ids[event.seq] = self._families.apply(event, commit)
            except Exception:
                log.exception(f"could not follow event {event.event_id} ({event.kind})")
        for message_id in _closed_messages(previous, commit):
            closed = message_closed(message_id)
            self._resume_all(self.waits.note(closed, S.ENDED_SUCCESS))
        self._streams.publish(commit, root_ids)
        self.grant_slots()

    @property
    def live(self) -> Mapping[str, Execution]:
        """The executions that had not ended at this moment, by id."""
        return self.commit.live

    def _follow(self, event: Event) -> None:
        execution_id = event.execution_id
        self.slots.apply(event)
        self._follow_progress(event)
        self.workers.follow(event)
        self.waits.follow(event)
        if event.kind is K.ENDED:
            # Before anything that never started gets the slot that is free now.
            status = S(event.payload["status"])
            self._resume_all(self.waits.note(execution_ended(execution_id), status))
        elif event.kind in (K.FAILED, K.KERNEL_LOST):
            self.waits.note(execution_ended(execution_id), S.PAUSED)
        if event.kind not in SILENT:
            self._wake(execution_id)

    def _follow_progress(self, event: Event) -> None:
        execution_id = event.execution_id
        if event.kind is K.ENDED:
            self.progress.pop(execution_id, None)
        elif event.kind is K.CREATED or execution_id in self.progress:
            progress = self.progress.get(execution_id, Progress())
            self.progress[execution_id] = fold_progress(progress, event)

    def _resume_all(self, waiters: list[str]) -> None:
        for waiter in waiters:
            self.slots.resume(waiter)

    def _wake(self, execution_id: str) -> None:
        """Wake the requests that wait for a change of it, and its worker."""
        change = self._changes.pop(execution_id, None)
        if change is not None:
            change.set()
        execution = self.live.get(execution_id)
        worker = self.workers.get(execution.worker if execution else None)
        for lease in [worker] if worker else self.workers:
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

    def grant_slots(self) -> None:
        """Give free slots to those whose turn it is."""
        if self.is_stopping:
            return
        grants = [
            (grant, make_event(grant.execution_id, K.RESUMED))
            for grant in self.slots.grant_resumes()
        ]
        worker = self.workers.idlest
        if worker is not None:
            # What it lists and is queued is an attempt that it has not dropped yet.
            starts = self.slots.grant_starts(self.places(worker), worker.holding.keys())
            worker.coming.update(grant.execution_id for grant in starts)
            grants += [(grant, self._started(grant, worker)) for grant in starts]
        if grants:
            self.spawn(self._record(grants))
        if not self.has_worker and self.slots.queued and self.slots.free > 0:
            self.ensure_worker()

    def places(self, worker: WorkerLease) -> Places:
        """The places of a worker, as far as the engine knows just now."""
        return Places(
            capacity=worker.capacity,
            held=len(worker.holding.keys() | worker.coming),
            slots=self.slots.slots,
            max_depth=self.config.max_depth,
            is_running=bool(self.slots.holding or self.slots.grants),
        )

    def queue_reason(self, depth: int = 0) -> str | None:
        """Why nothing starts at this level just now; None: a worker has a place for it."""
        worker = self.workers.idlest
        if worker is None or self.places(worker).has_place(depth):
            return None
        return f"Waits for a free place: {worker.capacity_reason}."

    def _started(self, grant: Grant, worker: WorkerLease) -> Event:
        execution = self.live[grant.execution_id]
        return make_event(
            execution.execution_id,
            K.STARTED,
            worker=worker.worker_id,
            notebook_path=notebook_path(execution),
            attempt=execution.attempt,
        )

    @property
    def has_worker(self) -> bool:
        """Whether there is a worker that can be given something, now or in a moment."""
        return bool(self.workers.living)

    def ensure_worker(self) -> None:
        """Start a worker unless there is one, or one is starting."""
        if not self.has_worker and not self._processes.is_starting:
            try:
                self._processes.start()
            except OSError:  # No process, no memory: the next sweep tries again.
                log.exception("could not start a worker")

    def resume(self, execution_id: str) -> None:
        """Give it a slot again, when it is its turn: its wait is over, or it was resumed."""
        self.slots.resume(execution_id)
        self.grant_slots()

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
        recorded = await self.decide(append) or []
        recorded_ids = {event.event_id for event in recorded}
        refused = [g for g, event in grants if event.event_id not in recorded_ids]
        for grant in refused:  # It ended meanwhile, or the disk is full.
            self.slots.take_back(grant)
            self.workers.forget_coming(grant.execution_id)
        if refused:
            self.grant_slots()

    async def decide(self, decide: Callable[[Batch], T]) -> T | None:
        """Have something decided and recorded; None, after a pause, if it cannot be."""
        try:
            return await self.in_thread(self.service.store.decide, decide)
        except Exception:
            log.exception("could not record what was decided")
        await asyncio.sleep(PAUSE)
        return None

    def record(self, events: list[Event]) -> None:
        """Have events recorded soon, even if the disk is full now; late ones are skipped."""
        self._insist(partial(Batch.append, events=events, strict=False))

    def _insist(self, decide: Callable[[Batch], object]) -> None:
        self.spawn(self._try_until_recorded(decide))

    async def _try_until_recorded(self, decide: Callable[[Batch], object]) -> None:
        """Have something decided and recorded; again and again while that is not possible."""
        while not self.is_stopping:
            try:
                await self.in_thread(self.service.store.decide, decide)
                return
            except EngineError:  # The disk is full.
                log.exception("could not record what follows from an event")
            await asyncio.sleep(PAUSE)

    # -- workers -------------------------------------------------------------------------

    def note_worker(
        self, worker_id: str, *, pid: int, process_started_at: float
    ) -> WorkerLease:
        """Note a request of a worker; its lease."""
        if self.workers.get(worker_id) is None:
            self._processes.note_poll(worker_id)
        return self.workers.note(worker_id, pid, process_started_at)

    async def poll(self, worker: WorkerLease, state: WorkerState) -> Json:
        """What a worker has to do, as JSON; waits a little if that is nothing."""
        worker.polls += 1
        try:
            worker.hold(state, self.live)
            self.grant_slots()
            await self._record_dropped(worker, state)
            deadline = monotonic() + self.config.poll
            while True:
                worker.has_news.clear()
                assignments = self._assignments(worker)
                seconds = deadline - monotonic()
                if assignments.has_work or seconds <= 0:
                    # It reads the sources of what is to be started.
                    get_version = self.service.store.get_version
                    return await self.in_thread(assignments.to_json, get_version)
                with suppress(TimeoutError):
                    await asyncio.wait_for(worker.has_news.wait(), seconds)
        finally:
            worker.polls -= 1
            worker.last_seen = worker.last_polled = monotonic()

    async def _record_dropped(self, worker: WorkerLease, state: WorkerState) -> None:
        """Count as lost what it could not start, or has no longer without an end on disk."""
        failed = state.failed_starts
        dropped = find_failed_starts(self.live, worker.worker_id, failed)
        dropped += find_dropped(self.live.values(), worker.holdings)
        if dropped:
            ids = ", ".join(execution.execution_id for execution in dropped)
            log.error("%s has dropped %s", worker.worker_id, ids)
            losses = partial(record_losses, dropped, self.config, failed_starts=failed)
            await self.decide(losses)

    def _assignments(self, worker: WorkerLease) -> Assignments:
        assignments = plan_assignments(
            self.live.values(),
            worker.holdings,
            is_stopping=self.is_stopping,
            is_homeless=self.is_homeless,
        )
        release = self.kept_kernels.to_release(worker.worker_id, worker.kept)
        return replace(assignments, release=release)

    # -- stopping ------------------------------------------------------------------------

    def stop_workers(self, *, is_homeless: bool = False) -> None:
        """Tell every worker to stop; if the home is gone, also to drop what it has."""
        self.is_stopping = True
        self.is_homeless = self.is_homeless or is_homeless
        for worker in self.workers:
            worker.has_news.set()

    @property
    def is_under_way(self) -> bool:
        """Whether anything runs, or is to run."""
        return any(execution.is_under_way for execution in self.live.values())

    @property
    def has_kernels(self) -> bool:
        """Whether anything runs, is to run, or has left a kernel that is kept."""
        return self.is_under_way or bool(self.kept_kernels)

    def seconds_until_idle(self) -> float:
        """How long the engine has to stay for its clients; 0: nobody needs it any more."""
        if self.has_kernels or self._streams.active_watchers:
            return self.config.idle_exit
        seconds = monotonic() - self.last_request_at
        return max(0.0, self.config.idle_exit - seconds)


def _closed_messages(previous: Commit, commit: Commit) -> set[str]:
    """The messages that nobody can answer since this commit, by id: closed, or deleted.

    Args:
        previous: The commit before it.
    """
    changed = commit.changed_messages
    closed = {m.message_id for m in changed if m.status is not MessageStatus.OPEN}
    if commit.removed:
        closed |= {m.message_id for m in previous.open_messages()}
        closed -= {m.message_id for m in commit.open_messages()}
    return closed
