"""Executes what the engine assigns, until the engine stops or is away."""

import threading
from collections.abc import Callable
from functools import partial
from logging import getLogger

from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import (
    EngineError,
    EngineStopped,
    FlowkernelError,
    Unauthorized,
)
from flowkernel.core.models import Execution, FlowVersion, Json
from flowkernel.home import Home
from flowkernel.worker.assignment import Assignment
from flowkernel.worker.capacity import measure_capacity
from flowkernel.worker.event_loops import thread_loop
from flowkernel.worker.execute import execute
from flowkernel.worker.executors import Executor, executor_of
from flowkernel.worker.kernel_eviction import EvictionCandidate, ParkedLimits, evictions
from flowkernel.worker.reporting.assignment_poller import AssignmentPoller
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.execution_session import ExecutionSession
from flowkernel.worker.reporting.kept_kernel import KeptKernel

log = getLogger(__name__)
#: Polls without a reply, and without an execution, until the worker ends.
POLL_TRIES = 3
RETRY_SECONDS = 0.5  #: Between two of them.
#: Executions that the engine believes a worker can have, at most.
MAX_CAPACITY = 1_000_000
#: Between two checks whether the engine still expects the report of an end.
FLUSH_SECONDS = 60.0
#: For how long a worker takes nothing more after it could not start a thread.
FULL_SECONDS = 10.0
START_AGAIN_SECONDS = 2.0  #: The same for a worker that has nothing else.
NO_LONGER_KEPT = "Its worker could keep it no longer."
NO_THREADS = "the worker could not start one more thread a moment ago"
UNKNOWN_CAPACITY = "the worker cannot find out how much it can have"


class Worker:
    """Runs executions, each in a thread of its own: they mostly wait for kernels."""

    def __init__(
        self, home: Home, config: Config, worker_id: str, token: str | None = None
    ) -> None:
        """`token`: of this worker; None: an engine of an older version started it."""
        self.home = home
        self.config = config
        self._has_token = bool(token)
        self.client = Client(home, started_by=worker_id, token=token)
        self.link = EngineLink(self.client, worker_id)
        self.poller = AssignmentPoller(
            self.link, self._start_execution, self._describe_capacity
        )
        self._retry_delay = threading.Event()  #: Never set.
        #: Until when it can have no more executions; on the monotonic clock.
        self._full_until = 0.0

    def work(self) -> None:
        """Poll until the engine says stop, or is away and nothing is left to do or report.

        While something is left, it starts an engine that was killed. An engine that was
        stopped on purpose stays stopped.
        """
        failed_polls = 0
        while self._has_kernels or not (
            self.poller.is_stopped or failed_polls >= POLL_TRIES
        ):
            is_needed = self._has_kernels or not self.link.is_quiet
            self.client.starts_engine = is_needed and not self.poller.is_stopped
            failed_polls = 0 if self._try_to_poll() else failed_polls + 1

    @property
    def _has_kernels(self) -> bool:
        """Whether it carries out something, or keeps a kernel of what has ended."""
        return bool(self.poller.sessions or self.poller.kept_kernels)

    def _try_to_poll(self) -> bool:
        """Ask once, and do what the engine replies; whether it replied. Waits after an error.

        Whatever goes wrong, the next poll comes: the runs are in threads of their own, and
        only who polls hears what is requested for them.
        """
        is_answered = False
        try:
            self.poller.poll()
            is_answered = True
            self._evict_kernels()
            return True
        except EngineError as error:
            log.warning("no engine: %s", error)
            self._give_up_if_final(error)
        except FlowkernelError:
            log.exception("the engine refused a poll")
            is_answered = True
        except Exception:
            log.exception("something went wrong in a poll")
        self._retry_delay.wait(RETRY_SECONDS)
        return is_answered

    def _give_up_if_final(self, error: EngineError) -> None:
        """Drop everything if no engine knows us, or a person stopped the engine."""
        is_unknown = isinstance(error, Unauthorized) and self._has_token
        if is_unknown or isinstance(error, EngineStopped):
            try:
                self._give_up(error)
            except Exception:  # It is tried again after the next poll.
                log.exception("could not drop what this worker has")

    def _give_up(self, error: EngineError) -> None:
        if not self.poller.is_stopped:
            log.error("this worker ends: %s", error)
        self.poller.is_stopped = True
        for session in list(self.poller.sessions.values()):
            session.drop()
        for kernel in list(self.poller.kept_kernels.values()):
            kernel.release_kernel()
        self.link.close(0)

    def _evict_kernels(self) -> None:
        """Release the parked kernels that are over the limits."""
        sessions = dict(self.poller.sessions)
        parked: dict[str, ExecutionSession | KeptKernel] = {
            key: session for key, session in sessions.items() if session.is_parked
        }
        parked |= self.poller.kept_kernels
        candidates = [
            EvictionCandidate(
                execution_id=execution_id,
                seconds=kernel.parked_seconds,
                memory=kernel.kernel_memory(),
                has_ended=isinstance(kernel, KeptKernel),
            )
            for execution_id, kernel in parked.items()
        ]
        for execution_id, reason in evictions(candidates, self._parked_limits).items():
            parked[execution_id].release_kernel(reason)

    @property
    def _parked_limits(self) -> ParkedLimits:
        return ParkedLimits(
            kernels=self.config.parked_kernels,
            seconds=self.config.parked_hours * 3600,
            memory=self.config.parked_megabytes * 1_000_000,
        )

    def _start_execution(self, record: Json) -> ExecutionSession:
        execution = Execution.from_json(record["execution"])
        executor = executor_of(execution.type)
        session = ExecutionSession(
            link=self.link,
            execution_id=execution.execution_id,
            attempt=execution.attempt,
            log_limit=self.config.log_characters,
            cancel_grace=self.config.cancel_grace,
            parks=execution.parks,
            keeps_kernel=execution.keeps_kernel,
            keep_seconds=self._parked_limits.seconds,
            no_parking_reason=executor.no_parking_reason(self.config),
            on_parked=self._evict_kernels,
            token=record.get("token"),
        )
        assignment = Assignment(
            execution=execution,
            version=FlowVersion.from_json(record["version"]),
            session=session,
            home=self.home,
            config=self.config,
        )
        session.on_end = partial(self._keep_kernel, session)
        # Before its thread can end.
        self.poller.sessions[execution.execution_id] = session
        thread = threading.Thread(
            target=self._execute, args=(executor, assignment), name=execution.name
        )
        try:
            thread.start()
        except RuntimeError as error:  # The system allows no more threads.
            self._fail_start(session, error)
        return session

    def _fail_start(self, session: ExecutionSession, error: RuntimeError) -> None:
        """Give an execution back that has no thread, and take no more for a while."""
        log.error("%s could not be started: %s", session.execution_id, error)
        self._full_until = monotonic() + FULL_SECONDS
        self.poller.fail_start(session.execution_id, session.attempt, str(error))
        if not self.poller.sessions:  # It gets another one at once: nothing else runs.
            self._retry_delay.wait(START_AGAIN_SECONDS)

    def _keep_kernel(
        self, session: ExecutionSession, on_check: Callable[[], None]
    ) -> None:
        """Keep the kernel of what has ended, in the thread of that, until it is released."""
        kernel = KeptKernel(session)
        if not self._is_acknowledged(session):
            return
        self.poller.keep_kernel(kernel)
        try:
            self._evict_kernels()
            kernel.wait(on_check)
        finally:
            kernel.release_kernel(NO_LONGER_KEPT)
            self.poller.forget_kernel(kernel)

    def _is_acknowledged(self, session: ExecutionSession) -> bool:
        """Wait until the engine has its end. False: it is no longer this worker's to say."""
        while not self.link.flush(FLUSH_SECONDS):
            if session.is_dropped or self.poller.is_stopped:
                return False
        return not self.poller.is_stopped

    def _describe_capacity(self, held: int) -> dict[str, Json]:
        if monotonic() < self._full_until:
            return {"capacity": held, "capacity_reason": NO_THREADS}
        kernels = len(self.poller.kept_kernels)  # They take as much as executions.
        reply = describe_capacity(held + kernels)
        if "capacity" in reply:
            reply["capacity"] = max(held, reply["capacity"] - kernels)
        return reply

    def _execute(self, executor: Executor, assignment: Assignment) -> None:
        session = assignment.session
        try:
            with thread_loop():
                execute(executor, assignment)
        finally:
            # Removed only when its end is acknowledged: else the engine assigns it again.
            self._is_acknowledged(session)
            if self.poller.sessions.get(session.execution_id) is session:
                self.poller.remove(session.execution_id)


def describe_capacity(held: int) -> dict[str, Json]:
    """What a worker that has `held` executions says of its capacity."""
    try:
        capacity = measure_capacity(held)
    except OSError as error:  # No file is left to look with, and so none for one more.
        return {"capacity": held, "capacity_reason": f"{UNKNOWN_CAPACITY}: {error}"}
    if capacity is None:
        return {}
    return {
        "capacity": min(capacity.executions, MAX_CAPACITY),
        "capacity_reason": capacity.reason,
    }
