"""Asks the engine what to do, and does it: for our workers and for a person's papermill."""

import threading
from collections.abc import Callable
from logging import getLogger
from typing import TYPE_CHECKING

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Decision, Json
from flowkernel.worker.reporting.engine_link import EngineLink
from flowkernel.worker.reporting.kept_kernel import KeptKernel

if TYPE_CHECKING:
    from flowkernel.worker.reporting.execution_session import ExecutionSession

RETRY_SECONDS = 0.5  #: Between two polls when the engine is away.
#: What the engine can request for an execution: keys of its reply, methods of the session.
ACTIONS = ("cancel", "pause", "resume", "drop")
MAX_REASON = 500  #: Characters, inclusive, of why something could not be started.
log = getLogger(__name__)


class AssignmentPoller:
    """Keeps the executions of one worker as the engine requests."""

    def __init__(
        self,
        link: EngineLink,
        start_execution: Callable[[Json], object],
        describe: Callable[[int], dict[str, Json]] = lambda _count: {},
    ) -> None:
        """`start_execution` gets each new assignment, and adds its session to `sessions`.

        `describe`: what the worker says of itself, by the number of its executions.
        """
        self.link = link
        self.sessions: dict[str, ExecutionSession] = {}
        #: The kernels of those that have ended, by id.
        self.kept_kernels: dict[str, KeptKernel] = {}
        self.is_stopped = False
        self._start_execution = start_execution
        self._describe = describe
        #: What could not be started, and was not said to an engine yet.
        self._failed_starts: dict[str, Json] = {}
        self._stop = threading.Event()
        #: The actions and executions of the last reply.
        self._previous_requests: set[tuple[str, str]] = set()

    def poll(self) -> None:
        """Ask once, and do what the engine replies."""
        sessions = dict(self.sessions)
        attempts = {key: session.attempt for key, session in sessions.items()}
        paused = [key for key, session in sessions.items() if session.is_paused]
        more, failed = self._describe(len(sessions)), self._failed_starts
        if failed:  # An engine of an older version does not take it.
            more = {**more, "failed_starts": failed}
        kernels = dict(self.kept_kernels)
        if kernels:
            attempts_of = {key: kernel.attempt for key, kernel in kernels.items()}
            more = {**more, "kept": attempts_of}
        reply = self.link.poll(attempts, paused, more)
        self._failed_starts = {}
        self.is_stopped = reply["stop"]
        for execution_id in kernels if self.is_stopped else reply.get("release", ()):
            kernels[execution_id].release_kernel()
        for assignment in reply["start"]:
            if assignment["execution"]["execution_id"] not in self.sessions:
                self._start(assignment)
        for action in ACTIONS:
            for execution_id in reply[action]:
                if execution_id in sessions:
                    self._do(action, sessions[execution_id], reply)
        self._wait_if_repeated(reply)

    def _start(self, assignment: Json) -> None:
        """Start an execution, or give it back."""
        execution = assignment["execution"]
        execution_id, attempt = execution["execution_id"], execution["losses"] + 1
        try:
            self._start_execution(assignment)
        except Exception as error:  # The others are still to be started, cancelled, ...
            log.exception("%s could not be started", execution_id)
            reason = f"{type(error).__name__}: {error}"
            self.fail_start(execution_id, attempt, reason[:MAX_REASON])

    def _do(
        self, action: str, session: "ExecutionSession", reply: dict[str, Json]
    ) -> None:
        """Do what is requested; if that fails, the engine requests it again."""
        try:
            if action == "resume":
                record = reply.get("decisions", {}).get(session.execution_id)
                session.resume(Decision.from_json(record) if record else None)
            else:
                getattr(session, action)()
        except Exception:
            log.exception("could not %s %s", action, session.execution_id)

    def _wait_if_repeated(self, reply: dict[str, Json]) -> None:
        """Wait a while if the reply has no news.

        A pause begins when the cell has ended: until then each reply requests it again. A
        kernel is released when its thread looks next.
        """
        requests = {
            (action, execution_id)
            for action in ACTIONS
            for execution_id in reply[action]
        }
        requests |= {("release", id_) for id_ in reply.get("release", ())}
        has_news = bool(reply["start"]) or not requests <= self._previous_requests
        if requests and not has_news:
            self._stop.wait(RETRY_SECONDS)
        self._previous_requests = requests

    def fail_start(self, execution_id: str, attempt: int, reason: str) -> None:
        """Forget an execution that could not be started; the next poll says so."""
        self.remove(execution_id)
        self._failed_starts[execution_id] = {"attempt": attempt, "why": reason}

    def keep_kernel(self, kernel: KeptKernel) -> None:
        """Have only the kernel left of an execution that has ended and is reported."""
        self.kept_kernels[kernel.execution_id] = kernel
        self.remove(kernel.execution_id)

    def forget_kernel(self, kernel: KeptKernel) -> None:
        """Forget a kernel that is kept no longer."""
        if self.kept_kernels.get(kernel.execution_id) is kernel:
            del self.kept_kernels[kernel.execution_id]

    def remove(self, execution_id: str) -> None:
        """Forget an execution that has ended and is reported."""
        self.sessions.pop(execution_id, None)

    def start(self) -> None:
        """Poll in a thread, until `stop`."""
        threading.Thread(target=self._poll_all, name="assignments", daemon=True).start()

    def stop(self) -> None:
        """Stop polling in the thread."""
        self._stop.set()

    def _poll_all(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
                continue
            except FlowkernelError:
                pass
            except Exception:  # Only this thread hears of a cancel.
                log.exception("something went wrong in a poll")
            self._stop.wait(RETRY_SECONDS)
