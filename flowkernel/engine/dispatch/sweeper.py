"""What is looked for again and again: workers that are gone, prompts that are out of date."""

from functools import partial

from flowkernel.core.clock import now
from flowkernel.core.models import Execution
from flowkernel.core.process_id import named_in_processes
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.kept_kernels import record_lost_kernels
from flowkernel.engine.dispatch.lost_workers import find_orphans, record_losses
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.prompts.stale_prompts import find_stale, settle_stale
from flowkernel.kernels.parked.registry import sweep_parked

SWEEP_EVERY = 1.0  #: Seconds between looks for lost workers.
IDLE_SECONDS = 10.0  #: The same while nothing is under way: nothing can be lost.


class Sweeper:
    """Takes back what lost workers had, and what nobody can decide any more."""

    def __init__(self, dispatcher: Dispatcher, processes: WorkerProcesses) -> None:
        self._dispatcher = dispatcher
        self._processes = processes
        self._config = dispatcher.config

    async def sweep(self) -> float | None:
        """Look once; return the seconds until the next look."""
        if self._dispatcher.is_stopping:
            return None
        self._processes.reap()
        self._dispatcher.workers.forget_lost()
        await self._forget_former_workers()
        await self.recover()
        self._dispatcher.grant_slots()
        return SWEEP_EVERY if self._dispatcher.has_kernels else IDLE_SECONDS

    async def _forget_former_workers(self) -> None:
        """Look whether workers live that this engine has not heard of since it started."""
        workers = self._dispatcher.workers
        overdue = workers.overdue()
        if overdue:
            in_thread = self._dispatcher.in_thread
            workers.expect_only(await in_thread(named_in_processes, overdue))

    async def recover(self) -> None:
        """Record what follows where a worker is lost, or a prompt is out of date."""
        orphans = self._orphans()
        is_expected = self._dispatcher.workers.is_expected
        lost_kernels = self._dispatcher.kept_kernels.lost(is_expected, now())
        if orphans or lost_kernels:
            sweep_parked(self._dispatcher.service.home.path)
        if orphans:
            losses = partial(record_losses, orphans, self._config)
            await self._dispatcher.decide(losses)
        if lost_kernels:
            await self._dispatcher.decide(partial(record_lost_kernels, lost_kernels))
        commit = self._dispatcher.commit
        prompts = [m for m in commit.open_messages() if m.about_id is not None]
        find = self._dispatcher.service.store.find_execution
        stale = await self._dispatcher.in_thread(find_stale, commit.live, prompts, find)
        if stale:
            await self._dispatcher.decide(partial(settle_stale, stale=stale))

    def _orphans(self) -> list[Execution]:
        """What a lost worker had."""
        live, workers = self._dispatcher.live.values(), self._dispatcher.workers
        return find_orphans(live, workers.is_expected, now(), self._config.lease)
