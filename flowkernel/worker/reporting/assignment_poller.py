"""Asks the engine what to do, and does it: for our workers and for somebody's papermill."""

import threading
from collections.abc import Callable
from contextlib import suppress
from logging import getLogger

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Decision, Json
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.execution_session import ExecutionSession

RETRY_SECONDS = 0.5  #: Between two questions when the engine is away.
VERBS = (
    "cancel",
    "pause",
    "resume",
    "drop",
)  #: What is asked of a run, by its methods.
log = getLogger(__name__)


class AssignmentPoller:
    """The runs of one worker, kept as the engine wants them."""

    def __init__(self, link: EngineLink, begin: Callable[[Json], object]) -> None:
        self.link = link
        self.runs: dict[str, ExecutionSession] = {}
        self.is_stopped = False
        self._begin = begin
        self._stop = threading.Event()
        self._told: set[tuple[str, str]] = set()  #: What was asked of us the last time.

    def ask(self) -> None:
        """One question, and what follows from its answer."""
        runs = dict(self.runs)
        paused = [key for key, run in runs.items() if run.is_paused]
        told = self.link.poll(list(runs), paused)
        for assignment in told["start"]:
            execution_id = assignment["execution"]["execution_id"]
            if execution_id not in self.runs:
                self._begin(assignment)
        for verb in VERBS:
            for execution_id in told[verb]:
                if execution_id not in runs:
                    continue
                if verb == "resume":
                    record = told.get("decisions", {}).get(execution_id)
                    decision = Decision.from_json(record) if record else None
                    runs[execution_id].resume(decision)
                else:
                    getattr(runs[execution_id], verb)()
        self.is_stopped = told["stop"]
        self._rest_if_known(told)

    def _rest_if_known(self, told: dict[str, Json]) -> None:
        """A pause takes until the cell has ended: meanwhile it is asked of us every time."""
        asked = {(verb, one) for verb in VERBS for one in told[verb]}
        if asked and asked <= self._told and not told["start"]:
            self._stop.wait(RETRY_SECONDS)
        self._told = asked

    def forget(self, execution_id: str) -> None:
        """That run is over and reported."""
        self.runs.pop(execution_id, None)

    def listen(self) -> None:
        """Ask again and again in a thread, until `stop`."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()

    def _listen(self) -> None:
        while not self._stop.is_set():
            with suppress(FlowkernelError):
                self.ask()
                continue
            self._stop.wait(RETRY_SECONDS)
