"""Runs the cells of a notebook in a kernel, and reports each one from the kernel's replies.

papermill's own record cannot be used: it calls cells that never ran `completed` after a
timeout or a dead kernel.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import KernelClient
from jupyter_core.utils import run_sync
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

from flowkernel.core.errors import ExecutionCancelled
from flowkernel.core.models import EventKind, Execution, Failure
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.kernels.kernel_process import ForkedProcess
from flowkernel.worker.notebook.cell_location import (
    CellLocation,
    failure_at,
    id_of,
    is_runnable,
    place_of,
)
from flowkernel.worker.notebook.cell_outcome import (
    CellOutcome,
    allowed,
    broken,
    is_signal,
    raised,
    timed_out,
    why_lost,
)
from flowkernel.worker.notebook.failure_recovery import Continue, FailureRecovery, Stop
from flowkernel.worker.notebook.kernel_handshake import greet
from flowkernel.worker.notebook.kernel_listener import KernelListener, Reply
from flowkernel.worker.notebook.notebook_saver import NotebookSaver
from flowkernel.worker.notebook.render import make_room, prologue, source_hash
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

S = ExecutionStatus
C = CellStatus


class CellClient(KernelListener):
    """papermill's client, which also reports. One per notebook."""

    def __init__(
        self,
        nb_man: NotebookSaver,
        run: ExecutionSession,
        *,
        execution: Execution,
        script: str | None,
        stream_limit: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(nb_man, run, stream_limit=stream_limit, **kwargs)
        self._execution = execution
        self._script = script
        self._verdict: ExecutionEnd | None = None
        self._is_broken = False  #: A cell never replied.
        self._loss: Failure | None = None  #: What failed, and why its kernel is gone.
        self._info: Reply = {}  #: What the kernel says of itself.

    # -- the whole notebook --------------------------------------------------------------

    def execute(self, **kwargs: Any) -> nbformat.NotebookNode:
        """Start the kernel, run the cells, report the end, shut the kernel down."""
        self.reset_execution_trackers()
        with self.setup_kernel(cleanup_kc=True, **kwargs):
            try:
                self.papermill_execute_cells()
                self.nb.metadata["language_info"] = self._info["language_info"]
            finally:
                self._finish()
        if not self._run.is_ours and self._run.is_cancelled:
            raise ExecutionCancelled("The execution was cancelled through flowkernel.")
        return self.nb

    async def async_start_new_kernel_client(self) -> KernelClient:
        """Connect to the kernel, and wait until it answers on both channels.

        As nbclient does it, without the fifth of a second for which that listens to silence.
        """
        assert self.km is not None
        self._run.attach(self.km)
        try:
            self.kc = self.km.client()
            self.kc.start_channels(hb=False)  # The manager knows whether it lives.
            source = self._prologue()
            said = await greet(self.kc, self.km, self.startup_timeout, source)
            self._info = said.info
            self._check_prologue(said.begun or {})
            self._make_room(said.begun)
        except BaseException:
            await self._async_cleanup_kernel()
            raise
        self.kc.allow_stdin = False
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    def _prologue(self) -> str | None:
        """What makes `system`, `this` and `inputs` ready, where the kernel speaks Python."""
        spec = self.km.kernel_spec
        if spec is None or (spec.language or "").lower() != "python":
            return None
        return prologue(
            self._execution,
            home=str(self._run.link.client.home.path),
            package=str(Path(__file__).parents[2]),
            path=self._script,
            started_by=f"execution {self._execution.execution_id}",
        )

    def _make_room(self, begun: Reply | None) -> None:
        """Nobody waits for the answer: what is asked next comes after it."""
        process = getattr(self.km.provisioner, "process", None)
        if begun is not None and not isinstance(process, ForkedProcess):
            self.kc.execute(make_room(), silent=True, store_history=False)

    def _check_prologue(self, content: Reply) -> None:
        if content.get("status") == "error":
            self.log.warning(
                f"flow_api is not available: {content.get('ename')}: {content.get('evalue')}"
            )

    def _finish(self) -> None:
        self.set_widgets_metadata()
        if self._run.ending is None and self._verdict is not None:
            if (
                self._is_broken
            ):  # What the kernel says as it is shut down is still to come.
                self.nb_man.save_now()
            else:
                self.nb_man.notebook_complete()
            self._run.end(self._verdict, self._loss)

    def papermill_execute_cells(self) -> None:
        """Run the cells one after the other, until one ends the notebook."""
        total = sum(1 for cell in self.nb.cells if self._is_runnable(cell))
        self._run.say(EventKind.CELLS_COUNTED, cell_count=total)
        index: int | None = 0
        while index is not None and index < len(self.nb.cells):
            cell = self.nb.cells[index]
            if not self._is_runnable(cell):
                self.nb_man.cell_start(cell, index)
                self.nb_man.cell_complete(cell, cell_index=index)
                index += 1
            elif not self._run.pass_gate():
                self._verdict = ExecutionEnd(status=S.ENDED_CANCELLED)
                return
            else:
                self._verdict = self._run_cell(cell, index)
                index = self._next(index)
        if index is not None:
            # The last cell may have caught the interrupt.
            is_cancelled = self._run.is_cancelled
            status = S.ENDED_CANCELLED if is_cancelled else S.ENDED_SUCCESS
            self._verdict = ExecutionEnd(status=status)

    def _next(self, index: int) -> int | None:
        """The cell after this one, or as somebody decides; None: it is over."""
        if self._verdict is None:
            return index + 1
        mending = FailureRecovery(self, self._run, self._execution, index)
        match mending.wait(self._verdict):
            case Continue(following):
                self._verdict = None
                return following
            case Stop(ending, loss):
                self._verdict, self._loss = ending, loss or self._loss
        return None

    def _is_runnable(self, cell: nbformat.NotebookNode) -> bool:
        return is_runnable(cell, self.skip_cells_with_tag)

    # -- one cell ------------------------------------------------------------------------

    def _run_cell(self, cell: nbformat.NotebookNode, index: int) -> ExecutionEnd | None:
        """Run it, and report how it went; the end, if the notebook ends here."""
        self.nb_man.cell_start(cell, index)
        cell_id = id_of(self.nb, index)
        run_id = self._run.cell_started(cell_id, index, source_hash(cell.source))
        self.begin_listening(cell)
        outcome = CellOutcome(C.SUCCESS)
        try:
            outcome = self._carry_out(cell, index)
        except (CellTimeoutError, DeadKernelError, KeyboardInterrupt) as error:
            outcome = self._broken(index, error)
            if not self._run.is_cancelled:
                raise
        finally:
            self._streams.settle()
            if outcome.error is not None and outcome.status is not C.ALLOWED_ERROR:
                self.nb_man.cell_exception(cell, cell_index=index)
            self.nb_man.cell_complete(cell, cell_index=index)
            self._run.cell_ended(run_id, outcome.status, outcome.error)
        return outcome.ending

    def _carry_out(self, cell: nbformat.NotebookNode, index: int) -> CellOutcome:
        """Have the kernel carry it out; how it went, by its reply."""
        may_raise = True
        try:
            self.execute_cell(cell, index)
        except CellExecutionError:
            may_raise = False
        content, is_cancelled = self.heard, self._run.is_cancelled
        if self.was_too_long and not is_cancelled:  # It may have caught the interrupt.
            return timed_out(content, self._place(index), limit=self._limit.seconds)
        if may_raise and content.get("status") != "error":
            return CellOutcome(C.SUCCESS)
        if may_raise and not is_signal(content):
            return allowed(content)
        return raised(content, self._place(index), is_cancelled=is_cancelled)

    def _broken(self, index: int, error: BaseException) -> CellOutcome:
        """It never replied: its kernel is lost to the notebook."""
        outcome = broken(
            error,
            self._place(index),
            limit=self._limit.seconds,
            exit_code=self._exit_code(),
            is_cancelled=self._run.is_cancelled,
        )
        failure = failure_at(self.nb, index, self.skip_cells_with_tag)
        self._is_broken = True
        self._verdict = outcome.ending
        self._loss = replace(failure, kernel_lost=why_lost(error))
        return outcome

    def _place(self, index: int) -> CellLocation:
        return place_of(self.nb, index, self.skip_cells_with_tag)

    def _exit_code(self) -> int | None:
        process = getattr(self.km.provisioner, "process", None)
        return process.poll() if process is not None else None
