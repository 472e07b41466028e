"""One execution in a worker: what it reports, and what is asked of it meanwhile."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import psutil
from jupyter_core.utils import run_sync

from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.models import CellError, Decision, EventKind, Failure
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.worker.reporting.engine_link import EngineLink

TRACEBACK = 20_000  #: Characters of a traceback that are kept, the last ones.
MESSAGE = 2_000  #: Characters of an error message that are kept.
LOOK_SECONDS = 1.0  #: Between looks whether a parked kernel lives.
DISPLAY = 2_000  #: Characters of a displayed value that go into the log.

S = ExecutionStatus
K = EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEnd:
    """How an execution ended."""

    status: ExecutionStatus
    message: str | None = None
    error: CellError | None = None


@dataclass(eq=False)
class ExecutionSession:
    """Reports one execution to the engine. Asked from the poll thread, run in another."""

    link: EngineLink
    execution_id: str
    log_limit: int
    cancel_grace: float
    notebook_path: str | None = None
    ending: ExecutionEnd | None = None
    parks: bool = False  #: A failure is put aside for somebody to decide.
    is_parked: bool = False  #: It is, with its kernel.
    unkept: str | None = None  #: Why its kernel is not kept then; None: it is.
    make_room: Callable[[], None] = lambda: None  #: For one more parked kernel.
    is_ours: bool = True  #: False: somebody's own papermill runs it.
    is_recorded: bool = True  #: False: no engine knows of it, and nobody is told.
    is_dropped: bool = False  #: The engine gave it to somebody else: say no more.
    is_cancelled: bool = False
    is_paused: bool = False
    _wants_pause: bool = False
    _decision: Decision | None = None
    _followed: str | None = None  #: The decision that was followed last.
    _failed: tuple[ExecutionEnd, Failure] = (
        ExecutionEnd(status=S.ENDED_ERROR),
        Failure(),
    )
    _parked_at: float = 0.0
    _logged: int = 0
    _manager: Any = None
    _gate: threading.Condition = field(default_factory=threading.Condition)

    # -- what it says --------------------------------------------------------------------

    def say(self, kind: EventKind, **payload: Any) -> None:
        """Report something, unless the execution is somebody else's by now."""
        if self.is_recorded and not self.is_dropped:
            self.link.report(self.execution_id, kind, **payload)

    def cell_started(self, cell_id: str, cell_index: int, source_hash: str) -> str:
        """Report that a cell runs; the id of this carrying out of it."""
        cell_run_id = new_id()
        self.say(
            K.CELL_STARTED,
            cell_run_id=cell_run_id,
            cell_id=cell_id,
            cell_index=cell_index,
            source_hash=source_hash,
        )
        return cell_run_id

    def cell_ended(
        self, cell_run_id: str, status: CellStatus, error: CellError | None
    ) -> None:
        """Report how it went."""
        told = {}
        if error is not None:
            told = {
                "error_name": error.name,
                "error_message": error.message,
                "traceback": error.traceback,
            }
        self.say(K.CELL_ENDED, cell_run_id=cell_run_id, status=status, **told)

    def logged(self, stream: str, text: str) -> None:
        """Report output. The log of an execution is bounded; its notebook has the rest."""
        if not text or self._logged > self.log_limit:
            return
        if self._logged + len(text) > self.log_limit:
            text = text[: self.log_limit - self._logged]
            text += f"\n[log cut after {self.log_limit:,} characters; the notebook has all]\n"
            self._logged = self.log_limit
        self._logged += len(text)
        self.say(K.LOGGED, stream=stream, text=text)

    def end(self, ending: ExecutionEnd, failure: Failure | None = None) -> None:
        """Report the end. Only the first one counts.

        `failure`: what a person needs to know of it, should somebody decide.
        """
        if self.ending is not None:
            return
        self.ending = ending
        if self.parks and ending.status is S.ENDED_ERROR:
            self._fail(ending, failure or Failure(), is_parked=False)
            return
        payload: dict[str, Any] = {
            "status": ending.status,
            "status_message": ending.message,
        }
        if ending.error is not None:
            payload["error"] = ending.error.to_json()
        if self.notebook_path is not None:
            payload["notebook_path"] = self.notebook_path
        self.say(K.ENDED, **payload)

    def park(
        self,
        ending: ExecutionEnd,
        failure: Failure,
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Decision | None:
        """It failed, and its kernel lives: wait until somebody decides what follows.

        `meanwhile` is done now and then. None: it does not go on here. It was cancelled, it
        is somebody else's, or its kernel is not kept or gone, which is reported.
        """
        if self.unkept is not None:
            self.end(ending, replace(failure, kernel_lost=self.unkept))
            return None
        with self._gate:
            self._decision = None
            self._failed = ending, failure
            self._parked_at = monotonic()
            self.is_parked = self.is_paused = True
            self._fail(ending, failure, is_parked=True)
        try:
            self.make_room()
            while not self._is_decided() and self.kernel_lives:
                with self._gate:
                    self._gate.wait_for(self._is_decided, LOOK_SECONDS)
                meanwhile()
        finally:
            self.is_parked = self.is_paused = False
        if self.is_cancelled or self.is_dropped:
            return None
        if self._decision is None and self.ending is None:
            self.give_up("Its kernel ended.")
        return self._decision

    def give_up(self, why: str) -> None:
        """Its kernel cannot be kept: what failed can only be run anew."""
        with self._gate:
            if self._is_decided():
                return
            self.ending, failure = self._failed
            self.say(K.KERNEL_LOST, why=why)
            # If it was just decided to go on, that is refused, and this is not.
            self._fail(self.ending, replace(failure, kernel_lost=why), is_parked=False)
            self._gate.notify_all()

    @property
    def parked_seconds(self) -> float:
        """Since it was parked."""
        return monotonic() - self._parked_at

    def kernel_memory(self) -> int:
        """Bytes that its kernel and what that started have for themselves; 0 if it is gone."""
        pid = getattr(getattr(self._manager, "provisioner", None), "pid", None)
        if pid is None:
            return 0
        with suppress(psutil.Error):
            kernel = psutil.Process(pid)
            family = [kernel, *kernel.children(recursive=True)]
            return sum(own_memory(process) for process in family)
        return 0

    def _is_decided(self) -> bool:
        over = self.is_cancelled or self.is_dropped or self.ending is not None
        return over or self._decision is not None

    @property
    def kernel_lives(self) -> bool:
        """Whether the process of its kernel is there."""
        provisioner = getattr(self._manager, "provisioner", None)
        process = getattr(provisioner, "process", None)
        return process is not None and process.poll() is None

    def _fail(self, ending: ExecutionEnd, failure: Failure, *, is_parked: bool) -> None:
        self.say(
            K.FAILED,
            status_message=ending.message or "It failed.",
            error=ending.error.to_json() if ending.error else None,
            failure=failure.to_json(),
            is_parked=is_parked,
            notebook_path=self.notebook_path,
        )

    def asked_since(self, moment: datetime) -> tuple[float, bool]:
        """For how many seconds since then it, or something under it, waited for a person; and
        whether it does now, which is also said while the engine is away."""
        if not self.is_recorded:
            return 0.0, False
        since = moment.isoformat()
        try:
            told = self.link.client.get(
                f"/execution/{self.execution_id}/asked", since=since
            )
        except FlowkernelError as error:
            return 0.0, isinstance(error, EngineError)
        return float(told["seconds"]), bool(told["is_now"])

    # -- what is asked of it -------------------------------------------------------------

    def attach(self, manager: Any) -> None:
        """The kernel is there: now it can be interrupted, and is if that was asked."""
        self._manager = manager
        if self.is_cancelled or self.is_dropped:
            self._apart(self._kill if self.is_dropped else self._interrupt)

    def cancel(self) -> None:
        """Interrupt it; kill its kernel if that does not help."""
        if not self.is_cancelled:
            self.is_cancelled = True
            self._open_gate()
            self._apart(self._interrupt)

    def drop(self) -> None:
        """It is somebody else's by now: kill its kernel, and say nothing more.

        Somebody's own papermill runs on: it is only not recorded any more.
        """
        if not self.is_ours:
            self.is_recorded = False
            return
        if not self.is_dropped and self.ending is None:
            self.is_dropped = True
            self._open_gate()
            self._apart(self._kill)

    def pause(self) -> None:
        """Stop before the next cell."""
        self._wants_pause = True

    def resume(self, decision: Decision | None = None) -> None:
        """Go on; if it had failed, as somebody decided. Each decision is followed once: it may
        be told again before the next failure is known."""
        with self._gate:
            if decision is not None and decision.decision_id != self._followed:
                self._decision, self._followed = decision, decision.decision_id
            self._wants_pause = False
            self._gate.notify_all()

    def pass_gate(self) -> bool:
        """Before each cell: wait while paused; whether to go on."""
        with self._gate:
            if self._wants_pause and not self.is_cancelled:
                self.is_paused = True
                self.say(K.PAUSED)
                self._gate.wait_for(lambda: not self._wants_pause)
                self.is_paused = False
        return not (self.is_cancelled or self.is_dropped)

    def _open_gate(self) -> None:
        with self._gate:
            self._wants_pause = False
            self._gate.notify_all()

    @staticmethod
    def _apart(what: Callable[[], None]) -> None:
        """Do it in a thread of its own: nobody waits for a kernel."""
        threading.Thread(target=what, daemon=True).start()

    def _interrupt(self) -> None:
        if self._manager is None:
            return
        with suppress(Exception):  # It may be gone: then that is what was wanted.
            run_sync(self._manager.interrupt_kernel)()
        timer = threading.Timer(self.cancel_grace, self._kill)
        timer.daemon = True
        timer.start()

    def _kill(self) -> None:
        if self.ending is None and self._manager is not None:
            with suppress(Exception):
                run_sync(self._manager.provisioner.kill)()


def own_memory(process: psutil.Process) -> int:
    """Bytes that it does not share; what a fork server lends it is not counted."""
    told = process.memory_full_info() if psutil.LINUX else process.memory_info()
    return int(getattr(told, "uss", told.rss))
