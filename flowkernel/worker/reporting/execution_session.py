"""One execution in a worker: what it reports, and the requests of the engine about it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import Any

import psutil
from jupyter_core.utils import ensure_async

from flowkernel.config import MAX_PARKED_HOURS
from flowkernel.core.clock import monotonic, new_id, now
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.models import CellError, Decision, EventKind, Failure
from flowkernel.core.redaction import BUILT_IN, RedactedStream, Redaction
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.worker.event_loops import in_background, start_background
from flowkernel.worker.reporting.engine_link import (
    JOINED_LOG_CHARACTERS,
    EngineLink,
)

DISPLAY_LIMIT = 2_000  #: Characters of a displayed value that go into the log.
CHECK_SECONDS = 1.0  #: Between two checks whether a parked kernel lives.

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
    """Reports one execution to the engine, and does what the engine requests.

    A thread of its own runs the execution. The thread that polls the engine calls `cancel`,
    `pause`, `resume` and `drop`.
    """

    link: EngineLink
    execution_id: str
    log_limit: int
    cancel_grace: float
    attempt: int = 1  #: Which run of the execution it is: see `Execution.attempt`.
    notebook_path: str | None = None
    ending: ExecutionEnd | None = None
    parks: bool = False  #: After a failure a person decides what follows.
    keeps_kernel: bool = False  #: Its kernel is kept after its end.
    keep_seconds: float = 0.0  #: For so long, at most.
    is_parked: bool = False  #: It failed, and its kernel waits for the decision.
    #: Why its kernel is not kept after a failure; None: it is kept.
    no_parking_reason: str | None = None
    #: Called when its kernel is parked: there may be too many now.
    on_parked: Callable[[], None] = lambda: None
    #: Called after its end, to keep its kernel; returns when that is kept no longer.
    on_end: Callable[[Callable[[], None]], None] = lambda _on_check: None
    #: The token of its execution, for its kernel; None: an older engine made none.
    token: str | None = field(default=None, repr=False)
    is_external: bool = False  #: A person's own papermill runs it, not a worker.
    is_recorded: bool = True  #: False: no engine knows it; nothing is reported.
    #: What is hidden in the reports, the log and the output notebook.
    redaction: Redaction = BUILT_IN
    is_dropped: bool = False  #: The engine gave it to another worker: report no more.
    is_cancelled: bool = False
    is_paused: bool = False
    _stopped_at: float = inf  #: When it was cancelled or dropped; monotonic.
    _is_pause_requested: bool = False
    _decision: Decision | None = None
    _last_decision_id: str | None = None  #: Of the decision that was followed last.
    _parked_failure: tuple[ExecutionEnd, Failure] = (
        ExecutionEnd(status=S.ENDED_ERROR),
        Failure(),
    )
    _parked_at: float = 0.0
    _log_length: int = 0
    #: By name: output that is cut within a protected value.
    _log_streams: dict[str, RedactedStream] = field(default_factory=dict)
    _manager: Any = None  #: Of its kernel.
    _changed: threading.Condition = field(default_factory=threading.Condition)

    # -- reports -------------------------------------------------------------------------

    def report(self, kind: EventKind, **payload: Any) -> None:
        """Report an event, unless another worker has the execution."""
        if self.is_recorded and not self.is_dropped:
            if self.redaction:
                payload = self.redaction.json(payload)
            self.link.report(self.execution_id, self.attempt, kind, **payload)

    def start_cell(self, **cell: Any) -> str:
        """Report that a cell runs; the id of its cell run.

        `cell`: the payload of the event, but for that id.
        """
        cell_run_id = new_id()
        self.report(K.CELL_STARTED, cell_run_id=cell_run_id, **cell)
        return cell_run_id

    def end_cell(
        self, cell_run_id: str, status: CellStatus, error: CellError | None
    ) -> None:
        """Report how a cell run ended."""
        self._end_log()
        details = {}
        if error is not None:
            details = {
                "error_name": error.name,
                "error_message": error.message,
                "traceback": error.traceback,
            }
        self.report(K.CELL_ENDED, cell_run_id=cell_run_id, status=status, **details)

    def log(self, stream: str, text: str) -> None:
        """Report output. The log of an execution is bounded; its notebook has the rest."""
        if self.redaction:
            text = self._log_streams.setdefault(stream, self.redaction.stream()).add(
                text
            )
        self._log_shown(stream, text)

    def _log_shown(self, stream: str, text: str) -> None:
        if not text or self._log_length > self.log_limit:
            return
        if self._log_length + len(text) > self.log_limit:
            text = text[: self.log_limit - self._log_length]
            text += f"\n[log cut after {self.log_limit:,} characters; the notebook has all]\n"
            self._log_length = self.log_limit
        self._log_length += len(text)
        for start in range(0, len(text), JOINED_LOG_CHARACTERS):
            part = text[start : start + JOINED_LOG_CHARACTERS]
            self.report(K.LOGGED, stream=stream, text=part)

    def _end_log(self) -> None:
        """Report the output that could have been the beginning of a protected value."""
        streams, self._log_streams = self._log_streams, {}
        for name, stream in streams.items():
            self._log_shown(name, stream.close())

    def end(
        self,
        ending: ExecutionEnd,
        failure: Failure | None = None,
        *,
        is_kept: bool = False,
    ) -> None:
        """Report the end. Only the first one counts.

        Args:
            failure: What a person needs to know, if one decides what follows.
            is_kept: Whether its kernel is kept for people.
        """
        if self.ending is not None:
            return
        until = self._keep_until() if is_kept else None
        self._end_log()
        self.ending = ending
        if self.parks and ending.status is S.ENDED_ERROR:
            self._report_failure(ending, failure or Failure(), is_parked=False)
            return
        payload: dict[str, Any] = {
            "status": ending.status,
            "status_message": ending.message,
        }
        if ending.error is not None:
            payload["error"] = ending.error.to_json()
        if self.notebook_path is not None:
            payload["notebook_path"] = self.notebook_path
        if until is not None:
            payload["parked_until"] = until.isoformat()
        self.report(K.ENDED, **payload)

    def _keep_until(self) -> datetime:
        seconds = min(self.keep_seconds, MAX_PARKED_HOURS * 3600)
        return now() + timedelta(seconds=seconds)

    def _report_failure(
        self, ending: ExecutionEnd, failure: Failure, *, is_parked: bool
    ) -> None:
        self.report(
            K.FAILED,
            status_message=ending.message or "It failed.",
            error=ending.error.to_json() if ending.error else None,
            failure=failure.to_json(),
            is_parked=is_parked,
            notebook_path=self.notebook_path,
        )

    def answer_time_since(self, start: datetime) -> tuple[float, bool]:
        """How long the execution, or one under it, has waited for a person since `start`.

        Returns the seconds, and whether it waits now. While the engine is away it counts as
        waiting.
        """
        if not self.is_recorded:
            return 0.0, False
        path = f"/execution/{self.execution_id}/asked"
        try:
            reply = self.link.client.get(path, since=start.isoformat())
        except FlowkernelError as error:
            return 0.0, isinstance(error, EngineError)
        return float(reply["seconds"]), bool(reply["is_now"])

    # -- a parked kernel -----------------------------------------------------------------

    def park(
        self,
        ending: ExecutionEnd,
        failure: Failure,
        *,
        on_check: Callable[[], None] = lambda: None,
    ) -> Decision | None:
        """Keep the kernel of a cell that failed until a person decides; the decision.

        `on_check` is called about once a second. Returns None if the execution does not go on
        in this kernel: it was cancelled, another worker has it, or its kernel is not kept or
        has ended, which is reported.
        """
        if self.no_parking_reason is not None:
            self.end(ending, replace(failure, kernel_lost=self.no_parking_reason))
            return None
        self._start_parking(ending, failure)
        self._wait_parked(on_check)
        if self.is_cancelled or self.is_dropped:
            return None
        if self._decision is None and self.ending is None:
            self.release_kernel("Its kernel ended.")
        return self._decision

    def _start_parking(self, ending: ExecutionEnd, failure: Failure) -> None:
        with self._changed:
            self._decision = None
            self._parked_failure = ending, failure
            self._parked_at = monotonic()
            self.is_parked = self.is_paused = True
            self._report_failure(ending, failure, is_parked=True)

    def _wait_parked(self, on_check: Callable[[], None]) -> None:
        try:
            self.on_parked()
            self._wait_for_decision(on_check)
        finally:
            self.is_parked = self.is_paused = False

    def _wait_for_decision(self, on_check: Callable[[], None]) -> None:
        while not self._is_decided() and self.is_kernel_alive:
            with self._changed:
                self._changed.wait_for(self._is_decided, CHECK_SECONDS)
            on_check()

    def _is_decided(self) -> bool:
        is_over = self.is_cancelled or self.is_dropped or self.ending is not None
        return is_over or self._decision is not None

    def release_kernel(self, reason: str) -> None:
        """Keep the parked kernel no longer: the execution can only start again."""
        with self._changed:
            if self._is_decided():
                return
            self.ending, failure = self._parked_failure
            self.report(K.KERNEL_LOST, why=reason)
            # If a person has just decided to go on, the first report is refused, and this
            # one is not.
            failure = replace(failure, kernel_lost=reason)
            self._report_failure(self.ending, failure, is_parked=False)
            self._changed.notify_all()

    @property
    def parked_seconds(self) -> float:
        """Seconds since its kernel was parked."""
        return monotonic() - self._parked_at

    def kernel_memory(self) -> int:
        """Bytes that only its kernel and the children of that use; 0 if that is not known."""
        pid = getattr(getattr(self._manager, "provisioner", None), "pid", None)
        if pid is None:
            return 0
        # It has ended, or no file is left to look with.
        with suppress(psutil.Error, OSError):
            kernel = psutil.Process(pid)
            processes = [kernel, *kernel.children(recursive=True)]
            return sum(private_memory(process) for process in processes)
        return 0

    @property
    def is_kernel_alive(self) -> bool:
        """Whether the process of its kernel lives."""
        provisioner = getattr(self._manager, "provisioner", None)
        process = getattr(provisioner, "process", None)
        return process is not None and process.poll() is None

    # -- requests ------------------------------------------------------------------------

    def attach_kernel(self, manager: Any) -> None:
        """Take the manager of its kernel; interrupt the kernel if that was requested before."""
        self._manager = manager
        if self.is_cancelled or self.is_dropped:
            in_background(self._kill() if self.is_dropped else self._interrupt())

    def cancel(self) -> None:
        """Interrupt it; kill its kernel if that does not help.

        If this raises, nothing was done: the next request tries again. So it is with `drop`.
        """
        if not self.is_cancelled:
            start_background()
            self.is_cancelled = True
            self._stopped_at = monotonic()
            self._end_pause()
            in_background(self._interrupt())

    def drop(self) -> None:
        """Kill its kernel and report no more: another worker has it.

        A person's own papermill runs on; its execution is no longer recorded.
        """
        if self.is_external:
            self.is_recorded = False
            return
        if not self.is_dropped and self.ending is None:
            start_background()
            self.is_dropped = True
            self._stopped_at = monotonic()
            self._end_pause()
            in_background(self._kill())

    @property
    def is_stopping(self) -> bool:
        """Whether it was cancelled or dropped."""
        return self.is_cancelled or self.is_dropped

    @property
    def seconds_since_stop(self) -> float:
        """Seconds since it was cancelled or dropped; below 0 if it was not."""
        return monotonic() - self._stopped_at

    def pause(self) -> None:
        """Stop before the next cell."""
        self._is_pause_requested = True

    def resume(self, decision: Decision | None = None) -> None:
        """Continue; after a failure as `decision` says.

        Each decision is followed once: the engine may send it again before it knows of the
        next failure.
        """
        with self._changed:
            if decision is not None and decision.decision_id != self._last_decision_id:
                self._decision = decision
                self._last_decision_id = decision.decision_id
            self._is_pause_requested = False
            self._changed.notify_all()

    def wait_while_paused(self) -> bool:
        """Before each cell: wait while it is paused; whether to continue."""
        with self._changed:
            if self._is_pause_requested and not self.is_cancelled:
                self.is_paused = True
                self.report(K.PAUSED)
                self._changed.wait_for(lambda: not self._is_pause_requested)
                self.is_paused = False
        return not (self.is_cancelled or self.is_dropped)

    def _end_pause(self) -> None:
        with self._changed:
            self._is_pause_requested = False
            self._changed.notify_all()

    async def _interrupt(self) -> None:
        if self._manager is None:
            return
        with suppress(Exception):  # It may have ended, which is as good.
            await ensure_async(self._manager.interrupt_kernel())
        await asyncio.sleep(self.cancel_grace)
        await self._kill()

    async def _kill(self) -> None:
        if self.ending is None and self._manager is not None:
            with suppress(Exception):
                await ensure_async(self._manager.provisioner.kill())


def private_memory(process: psutil.Process) -> int:
    """Bytes that it does not share: memory of its fork server is not counted."""
    usage = process.memory_full_info() if psutil.LINUX else process.memory_info()
    return int(getattr(usage, "uss", usage.rss))
