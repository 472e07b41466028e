"""Takes executions until there is no engine to ask."""

import threading
from logging import getLogger

from flowkernel.client.client import Client
from flowkernel.config import Config
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.models import Execution, FlowVersion, Json
from flowkernel.home import Home
from flowkernel.worker.execute import carry_out
from flowkernel.worker.kernel_eviction import ParkedLimits, ParkedRun, to_go
from flowkernel.worker.reporting.assignment_poller import AssignmentPoller
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.execution_session import ExecutionSession

log = getLogger(__name__)
AWAY_TRIES = 3  #: Questions without an answer, and without work, until the worker goes.
RETRY_SECONDS = 0.5  #: Between two of them.
TELL_SECONDS = (
    60.0  #: Until it is looked whether anybody still wants to hear of an end.
)


class Worker:
    """Carries out executions, each in a thread of its own: they mostly wait for kernels."""

    def __init__(self, home: Home, config: Config, worker_id: str) -> None:
        self.home = home
        self.config = config
        self.client = Client(home, started_by=worker_id)
        self.link = EngineLink(self.client, worker_id)
        self.orders = AssignmentPoller(self.link, self._begin)
        self._rest = threading.Event()

    def work(self) -> None:
        """Until the engine says stop, or is gone and there is nothing left to do or to tell.

        While there is something, it starts an engine that was killed; one that was stopped
        on purpose stays stopped.
        """
        away = 0
        while self.orders.runs or not (self.orders.is_stopped or away >= AWAY_TRIES):
            has_news = bool(self.orders.runs) or not self.link.is_quiet
            self.client.starts_engine = has_news and not self.orders.is_stopped
            try:
                self.orders.ask()
                away = 0
                self._make_room()
            except EngineError as error:
                away += 1
                log.warning("no engine: %s", error)
                self._rest.wait(RETRY_SECONDS)
            except FlowkernelError:
                log.exception("the engine refused a question")
                self._rest.wait(RETRY_SECONDS)

    def _make_room(self) -> None:
        """Let parked kernels go that there is no room for."""
        runs = {e: run for e, run in list(self.orders.runs.items()) if run.is_parked}
        if not runs:
            return
        parked = [
            ParkedRun(
                execution_id=execution_id,
                seconds=run.parked_seconds,
                memory=run.kernel_memory(),
            )
            for execution_id, run in runs.items()
        ]
        for execution_id, why in to_go(parked, self._room).items():
            runs[execution_id].give_up(why)

    @property
    def _room(self) -> ParkedLimits:
        return ParkedLimits(
            kernels=self.config.parked_kernels,
            seconds=self.config.parked_hours * 3600,
            memory=self.config.parked_megabytes * 1_000_000,
        )

    def _unkept(self, execution: Execution) -> str | None:
        """Why its kernel is not kept when it fails; None: it is."""
        if execution.wrapped is not None:
            return "The kernel of a wrapper is not kept."
        if self.config.parked_kernels < 1:
            return "No kernel is kept (`parked_kernels = 0`)."
        return None

    def _begin(self, assignment: Json) -> ExecutionSession:
        execution = Execution.from_json(assignment["execution"])
        version = FlowVersion.from_json(assignment["version"])
        run = ExecutionSession(
            link=self.link,
            execution_id=execution.execution_id,
            log_limit=self.config.log_characters,
            cancel_grace=self.config.cancel_grace,
            parks=execution.parks,
            unkept=self._unkept(execution),
            make_room=self._make_room,
        )
        self.orders.runs[execution.execution_id] = run  # Before its thread can end.
        threading.Thread(
            target=self._carry_out, args=(execution, version, run), name=execution.name
        ).start()
        return run

    def _carry_out(
        self, execution: Execution, version: FlowVersion, run: ExecutionSession
    ) -> None:
        try:
            carry_out(execution, version, run, home=self.home, config=self.config)
        finally:
            # Once forgotten it would be given to us anew: so only when its end was told.
            while not self.link.flush(TELL_SECONDS):
                if run.is_dropped or self.orders.is_stopped:
                    break
            self.orders.forget(execution.execution_id)
