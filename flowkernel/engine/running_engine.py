"""One engine: the parts it is made of, and the work it does beside its requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Self

from flowkernel.client.starter_name import user_name
from flowkernel.config import Config
from flowkernel.core.clock import monotonic, now
from flowkernel.core.errors import BadArgument, FlowkernelError, MoveNotAllowed
from flowkernel.core.models import EventKind, Execution, Json, Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.background_tasks import BackgroundTasks
from flowkernel.engine.callers import Tokens
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.sweeper import SWEEP_EVERY, Sweeper
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.engine.erasure import Erasure
from flowkernel.engine.home_claim import HomeClaim
from flowkernel.engine.prompts.decisions import check_answer, still_possible
from flowkernel.engine.prompts.entered_inputs import with_checked_inputs
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.prompts.message_expiry import MessageExpiry
from flowkernel.engine.prompts.presence import Presence
from flowkernel.engine.retention import DAY, prune_daily
from flowkernel.engine.service import Service
from flowkernel.engine.sql.sql_questions import SqlQuestions
from flowkernel.engine.streams.record_streams import RecordStreams
from flowkernel.engine.timers import Timers
from flowkernel.engine.token_file import load_key
from flowkernel.home import EngineFile, Home
from flowkernel.store import Commit, Store

#: Requests that may be in the store at a time; together they share commits.
THREADS = 64
CLAIM_SECONDS = 3.0  #: Between looks whether the home is still there.
LEAVE_SECONDS = 1.0  #: For the workers to learn that the home is gone.
CANCEL_SECONDS = 15.0  #: How long a forced shutdown waits for cancelled executions.
CANCEL_EVERY = 0.05  #: Seconds between looks whether they have ended.
IDLE_CHECK_SECONDS = 1.0  #: Between looks whether the engine is idle, at least.
#: The names of tasks.
SWEEP, VARIABLES, ERASE = "sweep", "drop variables", "remove what was deleted"
#: Seconds after the end of an execution until the file with its environment variables is
#: removed, if nothing refers to it: the next start often has the same ones.
VARIABLES_SECONDS = 10.0
STOP_SECONDS = 0.3  #: For the answer to a shutdown, and for the workers to learn of it.


class Engine:
    """The store of one home and everything that works with it, ready to serve requests.

    Knows no HTTP: `api` gets it ready-made. A context manager, which closes the store.
    """

    def __init__(
        self,
        home: Home,
        config: Config,
        engine_file: EngineFile,
        *,
        processes: WorkerProcesses | None = None,
        worker_umask: int = -1,
    ) -> None:
        """Open the store, and put the parts together.

        Args:
            processes: Starts the workers; default: those of this home.
            worker_umask: The mask for files that workers create; -1: that of this process.

        Raises:
            EngineError: The store cannot be opened.
        """
        self.engine_file = engine_file
        self.started_at = now()
        self.claim = HomeClaim(home, engine_file)
        self.tokens = Tokens(engine_file.token, user_name(), load_key(home))
        self.store = _open_store(home, config)
        self.service = _make_service(self.store, home, config, self.tokens, self.claim)
        self.sql = SqlQuestions(self.store, home, config)
        self.erasure = Erasure(self.store, home, self.sql.drop_copy)
        self.streams = RecordStreams(self.store)
        processes = processes or WorkerProcesses(
            home, self.tokens.of_worker, umask=worker_umask, config=config
        )
        self._processes = processes
        self.dispatcher = Dispatcher(self.service, processes, self.streams)
        self.sweeper = Sweeper(self.dispatcher, processes)
        self.timers = Timers()
        self.tasks = BackgroundTasks(self.timers)
        self.presence = Presence(home.presence_file)
        self._expiry = MessageExpiry(self.timers, self.dispatcher.record)
        self.inbox = _make_inbox(self.service, self._expiry)
        self._stop_callbacks: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store. What was acknowledged is on disk."""
        self.sql.close()
        self.service.drop_variables()
        self.store.close()

    # -- background work -----------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the store and do the background work, in the event loop of the caller."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, "request"))
        self.follow_store()
        self.tasks.repeat(SWEEP, self.sweeper.sweep, first_after=SWEEP_EVERY)
        self.tasks.repeat(VARIABLES, self._drop_variables)
        self.tasks.repeat(ERASE, self._erase, first_after=SWEEP_EVERY)
        self.tasks.repeat("prune", partial(prune_daily, self.service))
        self.tasks.repeat("keep the claim", self._keep_claim)
        self.tasks.repeat(
            "leave when idle", self._leave_if_idle, first_after=SWEEP_EVERY
        )
        async with self.tasks.running():
            yield

    def follow_store(self) -> None:
        """Follow what is recorded from now on, in the event loop of the caller."""
        loop = asyncio.get_running_loop()
        commit = self.store.follow(partial(_call_in, loop, self._on_commit))
        self.dispatcher.open(commit)
        self.streams.open(commit, self.dispatcher.progress)
        for message in commit.open_messages():
            self._expiry.follow(message)

    def _on_commit(self, commit: Commit) -> None:
        self.dispatcher.on_commit(commit)
        self.tasks.hasten(SWEEP, SWEEP_EVERY)
        for message in commit.changed_messages:
            self._expiry.follow(message)
        for event in commit.events:
            if event.kind is EventKind.ENDED:
                self.inbox.forget(event.execution_id)
                self.tasks.hasten(VARIABLES, VARIABLES_SECONDS)
        if commit.removed:
            self._expiry.forget_others({m.message_id for m in commit.open_messages()})
            self.tasks.hasten(VARIABLES, VARIABLES_SECONDS)

    async def _drop_variables(self) -> float | None:
        await asyncio.to_thread(self.service.drop_variables)
        return DAY

    async def _erase(self) -> float | None:
        if self.claim.holds_home():
            await asyncio.to_thread(self.erasure.run)
        return self.erasure.delay(is_person=False) if self.erasure.is_due else DAY

    def erase_soon(self, *, is_person: bool) -> None:
        """Remove what is left of something that was deleted just now, in a moment."""
        self.tasks.hasten(ERASE, self.erasure.delay(is_person=is_person))

    async def _keep_claim(self) -> float | None:
        """Stop when the home was deleted or moved: what is recorded from then on is lost."""
        if await asyncio.to_thread(self.claim.renew):
            return CLAIM_SECONDS
        self.dispatcher.stop_workers(is_homeless=True)
        await asyncio.sleep(LEAVE_SECONDS)
        self.stop()
        return None

    async def _leave_if_idle(self) -> float | None:
        """Stop once nothing is under way and no client has sent a request for a while."""
        seconds = self.dispatcher.seconds_until_idle()
        if seconds > 0:
            return max(IDLE_CHECK_SECONDS, seconds)
        self.stop()
        return None

    def note_request(self) -> None:
        """Count as busy from now on: a client other than a worker sent a request."""
        self.dispatcher.last_request_at = monotonic()

    # -- stopping ------------------------------------------------------------------------

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call this when the engine stops, in its event loop."""
        self._stop_callbacks.append(callback)

    def stop(self) -> None:
        """End the streams of all watchers, and tell the server to stop."""
        self.streams.close()
        for callback in self._stop_callbacks:
            callback()

    async def shut_down(self, *, force: bool) -> None:
        """Stop the engine and its workers, soon.

        Args:
            force: Cancel first what is under way.

        Raises:
            BadArgument: Something is under way, without `force`.
        """
        executions = self._under_way()
        if executions and not force:
            raise BadArgument(
                f"{len(executions)} execution(s) are under way. Wait for them, cancel them, "
                "or stop with `--force`, which cancels them all."
            )
        await self._cancel(executions)
        await self._release_kernels()
        self.claim.mark_stopped()
        self.dispatcher.stop_workers()
        asyncio.get_running_loop().call_later(STOP_SECONDS, self.stop)

    async def _cancel(self, executions: list[Execution]) -> None:
        """Cancel them, and wait a moment until they have ended."""
        for execution in executions:
            # It may have ended, or been cancelled with its parent.
            with suppress(MoveNotAllowed):
                await asyncio.to_thread(
                    self.service.cancel, execution.execution_id, "engine stop"
                )
        deadline = monotonic() + CANCEL_SECONDS
        while self._under_way() and monotonic() < deadline:  # noqa: ASYNC110 (once, at the end)
            await asyncio.sleep(CANCEL_EVERY)

    async def _release_kernels(self) -> None:
        """Record that the kernels of what has ended go with their workers."""
        for execution in self.dispatcher.kept_kernels.executions:
            with suppress(FlowkernelError):  # It was deleted, or the disk is full.
                await asyncio.to_thread(
                    self.service.release_kernel, execution.execution_id, "engine stop"
                )

    # -- status --------------------------------------------------------------------------

    def status(self) -> dict[str, Json]:
        """Which engine this is, and how many executions have which status."""
        counts = {
            status.lower(): 0 for status in ExecutionStatus if not status.is_ended
        }
        for execution in list(self.store.live.values()):
            counts[execution.status.lower()] += 1
        return {
            "version": self.engine_file.version,
            "pid": self.engine_file.pid,
            "home": str(self.service.home.path),
            "started_at": self.started_at.isoformat(),
            "interpreter": self.engine_file.interpreter,
            **counts,
            "slots": self.dispatcher.config.slot_count,
            "workers": len(self.dispatcher.workers),
            "database_bytes": self.store.size_bytes,
            "last_seq": self.store.last_seq,
            "is_erasing": self.erasure.is_due,
            "failed_tasks": [*self.tasks.report(), *self.store.failed_tasks],
            "worker_trouble": self._processes.trouble,
            "queue_reason": self.dispatcher.queue_reason()
            if counts["queued"]
            else None,
            "sql_reader": self.sql.status(),
        }

    def _under_way(self) -> list[Execution]:
        """Executions that would be cut off if the engine stopped for good now."""
        return [e for e in list(self.store.live.values()) if e.is_under_way]


def _open_store(home: Home, config: Config) -> Store:
    return Store(
        home.database,
        journal=home.journal,
        memory=config.memory,
        writable_folder=home.backup,
    )


def _make_service(
    store: Store, home: Home, config: Config, tokens: Tokens, claim: HomeClaim
) -> Service:
    key = tokens.key.secret
    return Service(store, home, config, key=key, owns_home=claim.holds_home)


def _make_inbox(service: Service, expiry: MessageExpiry) -> Inbox:
    """Messages whose answers have to be possible for the failure that they are about."""
    return Inbox(
        service,
        check=check_answer,
        prepare=partial(_prepared, service),
        is_late=expiry.is_over,
    )


def _prepared(
    service: Service, message: Message, response: dict[str, Json]
) -> dict[str, Json]:
    """A response as it is recorded; refused, if it cannot be carried out."""
    response = still_possible(service, message, response)
    return with_checked_inputs(service, message, response)


def _call_in(
    loop: asyncio.AbstractEventLoop, callback: Callable[[Commit], None], commit: Commit
) -> None:
    """Call it in the event loop, unless that has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback, commit)
