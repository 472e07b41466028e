"""Runs the cells of a notebook in a kernel, and reports each one from the kernel's replies.

papermill's own record cannot be used: it calls cells that never ran `completed` after a
timeout or a dead kernel.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import KernelClient
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.clock import monotonic
from flowkernel.errors import ExecutionCancelled
from flowkernel.kernels.process import ForkedProcess
from flowkernel.models import EventKind, Execution
from flowkernel.status import CellStatus, ExecutionStatus
from flowkernel.worker.greeting import greet
from flowkernel.worker.hearing import Hearing
from flowkernel.worker.limits import CellLimit
from flowkernel.worker.mending import GoOn, Mending, Over
from flowkernel.worker.outcomes import (
    Outcome,
    allowed,
    broken,
    is_signal,
    raised,
    timed_out,
    why_lost,
)
from flowkernel.worker.outputs import Streams
from flowkernel.worker.places import Place, failure_at, id_of, is_runnable, place_of
from flowkernel.worker.render import make_room, prologue, source_hash
from flowkernel.worker.run import DISPLAY, Ending, Run
from flowkernel.worker.saver import SparseManager

ALIVE_EVERY = 0.1  #: Seconds between looks whether the kernel still lives.
#: How long output may come after the reply; nbclient's 4 is too short.
OUTPUT_SECONDS = 30

S = ExecutionStatus
C = CellStatus
Reply = dict[str, Any]


class CellClient(PapermillNotebookClient):
    """papermill's client, which also reports. One per notebook."""

    def __init__(
        self,
        nb_man: SparseManager,
        run: Run,
        *,
        execution: Execution,
        script: str | None,
        stream_limit: int,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("iopub_timeout", OUTPUT_SECONDS)
        super().__init__(nb_man, **kwargs)
        self.nb_man = nb_man
        self._run = run
        self._execution = execution
        self._script = script
        self._streams = Streams(stream_limit)
        self._reply: Reply | None = None
        self._verdict: Ending | None = None
        self._hearing = Hearing()
        self._is_broken = False  #: A cell never replied.
        self._limit = CellLimit(None, run.asked_since)  #: Of the cell that runs.
        self._interrupted_at: float | None = None  #: When that was over its limit.
        self._loss: Reply | None = None  #: What failed, and why its kernel is gone.
        self._info: Reply = {}  #: What the kernel says of itself.
        nb_man._settle = self._streams.settle

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
            self.kc.start_channels()
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
            package=str(Path(__file__).parents[1]),
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
                self._verdict = Ending(status=S.ENDED_CANCELLED)
                return
            else:
                self._verdict = self._run_cell(cell, index)
                index = self._next(index)
        if index is not None:
            # The last cell may have caught the interrupt.
            is_cancelled = self._run.is_cancelled
            status = S.ENDED_CANCELLED if is_cancelled else S.ENDED_SUCCESS
            self._verdict = Ending(status=status)

    def _next(self, index: int) -> int | None:
        """The cell after this one, or as somebody decides; None: it is over."""
        if self._verdict is None:
            return index + 1
        mending = Mending(self, self._run, self._execution, index)
        match mending.wait(self._verdict):
            case GoOn(following):
                self._verdict = None
                return following
            case Over(ending, loss):
                self._verdict, self._loss = ending, loss or self._loss
        return None

    def _is_runnable(self, cell: nbformat.NotebookNode) -> bool:
        return is_runnable(cell, self.skip_cells_with_tag)

    # -- one cell ------------------------------------------------------------------------

    def _run_cell(self, cell: nbformat.NotebookNode, index: int) -> Ending | None:
        """Run it, and report how it went; the end, if the notebook ends here."""
        self._reply = None
        self._streams.begin_cell()
        self.nb_man.cell_start(cell, index)
        cell_id = id_of(self.nb, index)
        run_id = self._run.cell_started(cell_id, index, source_hash(cell.source))
        self._limit = CellLimit(super()._get_timeout(cell), self._run.asked_since)
        self._interrupted_at = None
        outcome = Outcome(C.SUCCESS)
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

    def _carry_out(self, cell: nbformat.NotebookNode, index: int) -> Outcome:
        """Have the kernel carry it out; how it went, by its reply."""
        may_raise = True
        try:
            self.execute_cell(cell, index)
        except CellExecutionError:
            may_raise = False
        content = self._reply["content"] if self._reply else {}
        is_cancelled = self._run.is_cancelled
        if self._interrupted_at is not None and not is_cancelled:
            # It was interrupted, for it took too long; it may have caught that.
            return timed_out(content, self._place(index), limit=self._limit.seconds)
        if may_raise and content.get("status") != "error":
            return Outcome(C.SUCCESS)
        if may_raise and not is_signal(content):
            return allowed(content)
        return raised(content, self._place(index), is_cancelled=is_cancelled)

    def _broken(self, index: int, error: BaseException) -> Outcome:
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
        self._loss = {**failure, "kernel_lost": why_lost(error)}
        return outcome

    def _place(self, index: int) -> Place:
        return place_of(self.nb, index, self.skip_cells_with_tag)

    def _exit_code(self) -> int | None:
        process = getattr(self.km.provisioner, "process", None)
        return process.poll() if process is not None else None

    # -- messages of the kernel ----------------------------------------------------------

    async def _check_raise_for_error(
        self, cell: nbformat.NotebookNode, cell_index: int, exec_reply: Reply | None
    ) -> None:
        self._reply = exec_reply
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    async def _async_poll_output_msg(
        self, parent_msg_id: str, cell: nbformat.NotebookNode, cell_index: int
    ) -> None:
        self._hearing.expect()
        await super()._async_poll_output_msg(parent_msg_id, cell, cell_index)

    def process_message(
        self, msg: Reply, cell: nbformat.NotebookNode, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Take in one message; what is said to widgets meanwhile hides no reply."""
        self._hearing.take_in(msg)
        try:
            return super().process_message(msg, cell, cell_index)
        finally:
            self._hearing.look(self.kc)

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            self.nb_man.save_due()
            self._hearing.nudge(self.kc)
            try:
                await self._async_check_alive()
                is_stuck = await self._is_stuck()
            except DeadKernelError:
                is_stuck = True
            if is_stuck:
                assert self.task_poll_for_reply is not None
                self.task_poll_for_reply.cancel()
                return

    def _get_timeout(self, cell: nbformat.NotebookNode | None) -> None:
        """None: nbclient would count the time in which a person is waited for."""

    async def _async_poll_for_reply(
        self, msg_id: str, cell: nbformat.NotebookNode, *more: Any
    ) -> Reply:
        try:
            reply: Reply = await super()._async_poll_for_reply(msg_id, cell, *more)
        except asyncio.CancelledError:
            if self._interrupted_at is None:
                raise
            # As nbclient itself would, which takes in what is still said after this one.
            raise CellTimeoutError.error_from_timeout_and_cell(
                "Cell execution timed out", self._limit.seconds, cell
            ) from None
        return reply

    async def _is_stuck(self) -> bool:
        """Whether the cell is over its time limit, and its reply need not be waited for."""
        if self._interrupted_at is not None:
            return monotonic() - self._interrupted_at > self._run.cancel_grace
        if not self._limit.is_due or not await asyncio.to_thread(self._limit.is_over):
            return False
        self._interrupted_at = monotonic()
        if not self._run.parks:
            return True
        with suppress(Exception):  # It may be gone: that is seen the next time.
            await ensure_async(self.km.interrupt_kernel())
        return False

    def output(
        self, outs: list[Any], msg: Reply, display_id: str | None, cell_index: int
    ) -> nbformat.NotebookNode | None:
        """Take in one output: joined with the one before if it is the same stream."""
        content = msg["content"]
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        match msg["msg_type"]:
            case "stream" if not hooked:
                return self._stream(outs, content, cell_index)
            case "error" if is_signal(content):
                return self._signal(outs, content)
            case "display_data" | "execute_result":
                self._displayed(content)
        return super().output(outs, msg, display_id, cell_index)

    def _stream(
        self, outs: list[Any], content: Reply, cell_index: int
    ) -> nbformat.NotebookNode | None:
        name = content["name"]
        if self.clear_before_next_output:
            outs[:] = []
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output: bool = False
        kept = self._streams.add(outs, name, content["text"])
        if kept is None:
            return None
        self._run.logged(name, kept)
        return nbformat.v4.new_output("stream", name=name, text=kept)

    def _signal(self, outs: list[Any], content: Reply) -> nbformat.NotebookNode | None:
        """`this.success()` leaves no output; `this.error()` a short one."""
        if content["ename"] != "ExecutionError":
            return None
        line = f"this.error: {content['evalue']}"
        outs.append(
            nbformat.v4.new_output(
                "error",
                ename=content["ename"],
                evalue=content["evalue"],
                traceback=[line],
            )
        )
        return outs[-1]

    def _displayed(self, content: Reply) -> None:
        text = content["data"].get("text/plain")
        if isinstance(text, str):
            ours = (content.get("metadata") or {}).get("flowkernel", {})
            self._run.logged(ours.get("stream", "display"), text[:DISPLAY] + "\n")
