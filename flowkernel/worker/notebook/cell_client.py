"""Runs the cells of a notebook in a kernel, and reports each one from the kernel's replies.

papermill's own record cannot be used: it calls cells that never ran `completed` after a
timeout or a dead kernel.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client import KernelClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

from flowkernel.core.cell_numbers import CellNumbers
from flowkernel.core.errors import ExecutionCancelled
from flowkernel.core.models import EventKind, Execution, Failure
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.kernels.kernel_process import ForkedProcess
from flowkernel.worker.event_loops import in_thread_loop
from flowkernel.worker.notebook.cell_location import (
    CellLocation,
    failure_at,
    is_runnable,
    location_of,
)
from flowkernel.worker.notebook.cell_outcome import (
    CellOutcome,
    allowed_error_outcome,
    error_outcome,
    is_signal,
    kernel_loss_reason,
    no_reply_outcome,
    outside_outcome,
    timeout_outcome,
)
from flowkernel.worker.notebook.failure_recovery import Continue, FailureRecovery, Stop
from flowkernel.worker.notebook.guest_kernel import GuestKernel
from flowkernel.worker.notebook.kernel_handshake import shake_hands
from flowkernel.worker.notebook.kernel_listener import KernelListener, Reply
from flowkernel.worker.notebook.notebook_file import source_hash
from flowkernel.worker.notebook.notebook_saver import NotebookSaver
from flowkernel.worker.notebook.render import buffer_source, prologue
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

#: Messages of a Python kernel that wait here to be read, inclusive. More of them wait in the
#: kernel, whose buffer is enlarged; a kernel of another language may drop them.
MAX_WAITING_MESSAGES = 2_000

NOT_KEPT = "[flowkernel: its kernel is not kept: only kernels of ipykernel can be]\n"

S = ExecutionStatus
C = CellStatus


class CellClient(KernelListener):
    """papermill's client, which also reports. One per notebook."""

    def __init__(
        self,
        nb_man: NotebookSaver,
        session: ExecutionSession,
        *,
        execution: Execution,
        script: str | None,
        declarations: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(nb_man, session, **kwargs)
        self._execution = execution
        self._script = script
        self._declarations = declarations
        self._ending: ExecutionEnd | None = None
        self._is_kernel_lost = False  #: A cell had no reply.
        #: What failed, and why its kernel is lost.
        self._failure: Failure | None = None
        self._language_info: Reply = {}
        #: As the author counts them; a person may empty a cell later on.
        self._numbers = CellNumbers.of(self.nb.cells)
        self._numbers_by_count: dict[int, int | None] = {}  #: By the kernel's count.

    # -- the whole notebook --------------------------------------------------------------

    def execute(self, **kwargs: Any) -> nbformat.NotebookNode:
        """Start the kernel, run the cells, report the end, shut the kernel down."""
        self.reset_execution_trackers()
        with self.setup_kernel(cleanup_kc=True, **kwargs):
            try:
                self.papermill_execute_cells()
                self.nb.metadata["language_info"] = self._language_info
            finally:
                self._finish()
        if self._session.is_external and self._session.is_cancelled:
            raise ExecutionCancelled("The execution was cancelled through flowkernel.")
        return self.nb

    async def async_start_new_kernel_client(self) -> KernelClient:
        """Connect to the kernel, and wait until it replies and its output arrives.

        As nbclient does it, without the 0.2 s for which that waits for more output.
        """
        assert self.km is not None
        self._session.attach_kernel(self.km)
        try:
            self.kc = self.km.client()
            # The manager knows whether the kernel lives, and shuts it down. Nobody is there
            # to reply to `input()`.
            self.kc.start_channels(hb=False, stdin=False, control=False)
            source = self._prologue_source()
            known = getattr(self.km.provisioner, "language_info", None)
            handshake = await shake_hands(
                self.kc, self.km, self.startup_timeout, source, known
            )
            self._language_info = handshake.language_info
            self._check_prologue(handshake.source_reply or {})
            self._enlarge_buffers(handshake.source_reply)
        except BaseException:
            await self._async_cleanup_kernel()
            raise
        return self.kc

    start_new_kernel_client = in_thread_loop(async_start_new_kernel_client)

    def _prologue_source(self) -> str | None:
        """What makes `system`, `this` and `inputs` ready; None if the kernel is no Python."""
        spec = self.km.kernel_spec
        if spec is None or (spec.language or "").lower() != "python":
            return None
        return prologue(
            self._execution,
            home=str(self._session.link.client.home.path),
            package=str(Path(__file__).parents[2]),
            path=self._script,
            started_by=f"execution {self._execution.execution_id}",
            declarations=self._declarations,
        )

    def _enlarge_buffers(self, prologue_reply: Reply | None) -> None:
        """Have what we cannot read yet wait in the kernel, if that is a Python.

        Does not wait for the reply: the kernel handles the next request after it.
        """
        if prologue_reply is None:
            return
        self.kc.iopub_channel.socket.set(zmq.RCVHWM, MAX_WAITING_MESSAGES)
        process = getattr(self.km.provisioner, "process", None)
        if not isinstance(process, ForkedProcess):
            self.kc.execute(buffer_source(), silent=True, store_history=False)

    def _check_prologue(self, content: Reply) -> None:
        if content.get("status") == "error":
            self.log.warning(
                f"flow_api is not available: {content.get('ename')}: {content.get('evalue')}"
            )

    def _finish(self) -> None:
        self.set_widgets_metadata()
        if self._session.ending is None and self._ending is not None:
            if self._is_kernel_lost:
                # Not complete yet: output of the kernel still comes as it is shut down.
                self.nb_man.try_to_save()
            else:
                self.nb_man.notebook_complete()
            if self._keeps_kernel(self._ending):
                self._end_with_kernel(self._ending)
            else:
                self._session.end(self._ending, self._failure)

    def _keeps_kernel(self, ending: ExecutionEnd) -> bool:
        """Whether the kernel stays for people after this end."""
        session = self._session
        is_asked_for = session.keeps_kernel and session.no_parking_reason is None
        is_usable = not (self._is_kernel_lost or session.is_stopping)
        is_decided = session.parks and ending.status is S.ENDED_ERROR
        is_ended = ending.status in (S.ENDED_SUCCESS, S.ENDED_ERROR)
        return is_asked_for and is_usable and is_ended and not is_decided

    def _end_with_kernel(self, ending: ExecutionEnd) -> None:
        """Report the end, and keep the kernel until it is released."""
        kernel = GuestKernel(self, self._session, self._execution)
        with kernel.opened(has_ended=True) as is_open:
            if not is_open:
                self._session.log("stderr", NOT_KEPT)
            self._session.end(ending, self._failure, is_kept=is_open)
            if is_open:
                self._session.on_end(kernel.discard_output)

    def papermill_execute_cells(self) -> None:
        """Run the cells one after the other, until one ends the notebook."""
        count = self._numbers.count
        self._session.report(EventKind.CELLS_COUNTED, cell_count=count)
        index: int | None = 0
        while index is not None and index < len(self.nb.cells):
            cell = self.nb.cells[index]
            if not self._is_runnable(cell):
                self.nb_man.cell_start(cell, index)
                self.nb_man.cell_complete(cell, cell_index=index)
                index += 1
            elif not self._session.wait_while_paused():
                self._ending = ExecutionEnd(status=S.ENDED_CANCELLED)
                return
            else:
                self._ending = self._run_cell(cell, index)
                index = self._next_index(index)
        if index is not None:
            # The last cell may have caught the interrupt.
            is_cancelled = self._session.is_cancelled
            status = S.ENDED_CANCELLED if is_cancelled else S.ENDED_SUCCESS
            self._ending = ExecutionEnd(status=status)

    def _next_index(self, index: int) -> int | None:
        """The cell after this one, or the one a person decides on; None: it is over."""
        if self._ending is None:
            return index + 1
        recovery = FailureRecovery(
            self, self._session, self._execution, index, self._numbers
        )
        match recovery.wait(self._ending):
            case Continue(next_index):
                self._ending = None
                return next_index
            case Stop(ending, failure):
                self._ending, self._failure = ending, failure or self._failure
        return None

    def _is_runnable(self, cell: nbformat.NotebookNode) -> bool:
        return is_runnable(cell, self.skip_cells_with_tag)

    # -- one cell ------------------------------------------------------------------------

    def _run_cell(self, cell: nbformat.NotebookNode, index: int) -> ExecutionEnd | None:
        """Run it, and report how it ended; the end, if the notebook ends here."""
        self.nb_man.cell_start(cell, index)
        location = self._location(index)
        cell_run_id = self._session.start_cell(
            cell_id=location.cell_id,
            cell_index=index,
            cell_number=location.number,
            first_line=location.first_line,
            source_hash=source_hash(cell.source),
        )
        self.begin_cell(cell, index)
        outcome = CellOutcome(C.SUCCESS)
        try:
            outcome = self._outcome(cell, index)
        except (CellTimeoutError, DeadKernelError, KeyboardInterrupt) as error:
            outcome = self._no_reply_outcome(index, error)
            if not self._session.is_cancelled:
                raise
        except Exception as error:  # Not of the cell, which had no reply.
            outcome = outside_outcome(error, self._location(index))
            raise
        except BaseException as error:  # Such as a scheduler's own for SIGTERM.
            outcome = self._no_reply_outcome(index, error)
            raise
        finally:
            self._streams.flush()
            if outcome.error is not None and outcome.status is not C.ALLOWED_ERROR:
                self.nb_man.cell_exception(cell, cell_index=index)
            self.nb_man.cell_complete(cell, cell_index=index)
            self._session.end_cell(cell_run_id, outcome.status, outcome.error)
        return outcome.ending

    def _outcome(self, cell: nbformat.NotebookNode, index: int) -> CellOutcome:
        """Run the cell in the kernel; how it ended, by the reply."""
        may_raise = True
        try:
            self.execute_cell(cell, index)
        except CellExecutionError:
            may_raise = False
        content, is_cancelled = self.reply_content, self._session.is_cancelled
        count = content.get("execution_count")
        if isinstance(count, int):
            self._numbers_by_count[count] = self._numbers.by_index[index]
        if self.is_timed_out and not is_cancelled:  # It may have caught the interrupt.
            limit = self._cell_timeout.seconds
            return timeout_outcome(content, self._location(index), limit=limit)
        if may_raise and content.get("status") != "error":
            return CellOutcome(C.SUCCESS)
        if may_raise and not is_signal(content):
            return allowed_error_outcome(content)
        return error_outcome(content, self._location(index), is_cancelled=is_cancelled)

    def _no_reply_outcome(self, index: int, error: BaseException) -> CellOutcome:
        """The cell had no reply: its kernel is lost to the notebook."""
        outcome = no_reply_outcome(
            error,
            self._location(index),
            limit=self._cell_timeout.seconds,
            exit_code=self._exit_code(),
            is_cancelled=self._session.is_cancelled,
        )
        failure = failure_at(self.nb, index, self._numbers)
        self._is_kernel_lost = True
        self._ending = outcome.ending
        self._failure = replace(failure, kernel_lost=kernel_loss_reason(error))
        return outcome

    def _location(self, index: int) -> CellLocation:
        location = location_of(self.nb, index, self._numbers)
        return replace(location, numbers=self._numbers_by_count)

    def _exit_code(self) -> int | None:
        process = getattr(self.km.provisioner, "process", None)
        return process.poll() if process is not None else None
