"""Runs the cells of a notebook in a kernel, and reports each one from the kernel's replies.

papermill's own record cannot be used: it calls cells that never ran `completed` after a
timeout or a dead kernel.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
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

from flowkernel.alive import started_at
from flowkernel.clock import monotonic
from flowkernel.errors import ExecutionCancelled
from flowkernel.flow_api.exceptions import SIGNAL
from flowkernel.kernels.parked import ParkedKernel, published
from flowkernel.kernels.process import ForkedProcess
from flowkernel.models import CellError, EventKind, Execution
from flowkernel.status import CellStatus, ExecutionStatus
from flowkernel.worker.asides import pass_over, tell
from flowkernel.worker.greeting import greet
from flowkernel.worker.hearing import Hearing
from flowkernel.worker.limits import CellLimit
from flowkernel.worker.outputs import Streams
from flowkernel.worker.render import make_room, prologue, source_hash
from flowkernel.worker.run import DISPLAY, MESSAGE, TRACEBACK, Ending, Run
from flowkernel.worker.saver import SparseManager

ALIVE_EVERY = 0.1  #: Seconds between looks whether the kernel still lives.
COLOURS = re.compile(
    r"\x1b\[[0-9;]*m"
)  #: As a terminal gets them; the record has none.
OUTPUT_SECONDS = (
    30  #: How long output may come after the reply; nbclient's 4 is too short.
)

GUESTS = "__import__('flowkernel.kernels.guests', fromlist=['']).{call}"
LET_IN = GUESTS.format(call="let_in({owner!r})")
KEEP_OUT = GUESTS.format(call="keep_out()")
SET_VALUES = "globals().update({values!r})"
REWIND = "__import__('sys').modules['flowkernel.flow_api.here'].rewind({cells})"

BUSY = "[flowkernel: it goes on when the kernel is free; somebody runs a cell in it]\n"

S = ExecutionStatus
C = CellStatus
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell went, and what that means for the notebook."""

    status: CellStatus
    error: CellError | None = None
    ending: Ending | None = None  #: The notebook ends here.


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
        place: int | None = 0
        while place is not None and place < len(self.nb.cells):
            cell = self.nb.cells[place]
            if not self._is_runnable(cell):
                self.nb_man.cell_start(cell, place)
                self.nb_man.cell_complete(cell, cell_index=place)
            elif not self._run.pass_gate():
                self._verdict = Ending(status=S.ENDED_CANCELLED)
                return
            else:
                self._verdict = self._run_cell(cell, place)
                if self._verdict is not None:
                    place = self._after(self._verdict, place)
                    continue
            place += 1
        if place is None:
            return
        is_cancelled = (
            self._run.is_cancelled
        )  # The last cell may have caught the interrupt.
        status = S.ENDED_CANCELLED if is_cancelled else S.ENDED_SUCCESS
        self._verdict = Ending(status=status)

    # -- after a failure -----------------------------------------------------------------

    def _after(self, ending: Ending, index: int) -> int | None:
        """The cell to go on with, if somebody decides so; None: it is over."""
        if not self._run.parks or ending.status is not S.ENDED_ERROR:
            return None
        self.nb_man.save_now()
        first = self._mended_at(index)
        with self._attachable():
            failure = self._failure(index, first)
            decision = self._run.park(ending, failure, meanwhile=self._pass_over)
        if decision is None:
            if self._run.is_cancelled:
                self._verdict = Ending(status=S.ENDED_CANCELLED)
            return None
        try:
            place = self._follow(decision, index, first)
        except DeadKernelError:  # Just now: it was there when that was decided.
            why = "Its kernel ended."
            self._loss = {**self._failure(index, first), "kernel_lost": why}
            return None
        self._verdict = None
        return place

    def _follow(self, decision: Reply, index: int, first: int) -> int:
        """The cell that is next, as somebody decided."""
        if decision["verb"] == "skip":
            following = index + 1
            aside = SET_VALUES.format(values=decision.get("values") or {})
        else:
            following = first
            aside = REWIND.format(cells=index - first + 1)
            if isinstance(decision.get("source"), str):
                self.nb.cells[first].source = decision["source"]
        if self._tell(f"{KEEP_OUT}\n{aside}") is None:
            raise DeadKernelError("Its kernel ended.")
        return following

    @contextmanager
    def _attachable(self) -> Iterator[None]:
        """Meanwhile others can attach to the kernel, if it can keep them from ending it."""
        owner = self.kc.session.session
        if self._tell(LET_IN.format(owner=owner)) != "ok":
            yield
            return
        home, path = self._run.link.client.home, self._execution.notebook_path
        kernel = ParkedKernel(
            execution_id=self._execution.execution_id,
            name=self._execution.name,
            notebook=str(home.path / (path or "")),
            pid=self.km.provisioner.pid,
            process_started_at=started_at(self.km.provisioner.pid),
            worker_pid=os.getpid(),
            worker_started_at=started_at(),
            connection=self.km.get_connection_info(),
        )
        with published(home.path, kernel):
            yield

    def _mended_at(self, index: int) -> int:
        """The cell to be mended: where a handler is defined, not where it is called."""
        ours = self.nb.cells[index].metadata.get("flowkernel", {})
        places = {cell.get("id"): n for n, cell in enumerate(self.nb.cells)}
        return places.get(ours.get("calls"), index)

    def _failure(self, index: int, first: int) -> Reply:
        """What a person needs to know of it."""
        runnable = [
            n for n, cell in enumerate(self.nb.cells) if self._is_runnable(cell)
        ]
        return {
            "cell_id": str(self.nb.cells[first].get("id") or first),
            "cell_number": runnable.index(index) + 1,
            "cell_count": len(runnable),
            "source": self.nb.cells[first].source,
        }

    def _tell(self, source: str) -> str | None:
        """Have the kernel do something that is in no notebook; None if it ended."""
        said: str | None = run_sync(tell)(
            self.kc, self.km, source, on_wait=self._say_busy
        )
        return said

    def _say_busy(self) -> None:
        self._run.logged("stderr", BUSY)

    def _pass_over(self) -> None:
        run_sync(pass_over)(self.kc)

    def _is_runnable(self, cell: nbformat.NotebookNode) -> bool:
        tags = cell.metadata.get("tags", [])
        return (
            cell.cell_type == "code"
            and bool(cell.source.strip())
            and self.skip_cells_with_tag not in tags
        )

    # -- one cell ------------------------------------------------------------------------

    def _run_cell(self, cell: nbformat.NotebookNode, index: int) -> Ending | None:
        cell_id = str(cell.get("id") or index)
        self._reply = None
        self._streams.begin_cell()
        self.nb_man.cell_start(cell, index)
        run_id = self._run.cell_started(cell_id, index, source_hash(cell.source))
        self._limit = CellLimit(super()._get_timeout(cell), self._run.asked_since)
        self._interrupted_at = None
        outcome = Outcome(C.SUCCESS)
        try:
            self.execute_cell(cell, index)
            outcome = self._allowed(cell, index) or outcome
            if self._is_too_long:  # It caught the interrupt.
                outcome = self._timed_out(cell, index)
        except CellExecutionError as error:
            outcome = self._failed(cell, index, error)
            if self._is_too_long:
                outcome = self._timed_out(cell, index)
        except (CellTimeoutError, DeadKernelError, KeyboardInterrupt) as error:
            outcome, self._is_broken = self._broken(cell, index, error), True
            self._verdict = outcome.ending
            self._loss = self._lost(index, error)
            if not self._run.is_cancelled:
                raise
        finally:
            self._streams.settle()
            if outcome.error is not None and outcome.status is not C.ALLOWED_ERROR:
                self.nb_man.cell_exception(cell, cell_index=index)
            self.nb_man.cell_complete(cell, cell_index=index)
            self._run.cell_ended(run_id, outcome.status, outcome.error)
        return outcome.ending

    def _allowed(self, cell: nbformat.NotebookNode, index: int) -> Outcome | None:
        """The outcome of a cell that raised and may."""
        content = self._reply["content"] if self._reply else {}
        if content.get("status") != "error":
            return None
        if (content.get("traceback") or [""])[0].startswith(SIGNAL):
            return self._failed(cell, index, RuntimeError("it ended the flow"))
        name, message = str(content.get("ename")), str(content.get("evalue"))
        return Outcome(C.ALLOWED_ERROR, CellError(name=name, message=message[:MESSAGE]))

    def _failed(
        self, cell: nbformat.NotebookNode, index: int, raised: Exception
    ) -> Outcome:
        content = self._reply["content"] if self._reply else {}
        name = str(
            content.get("ename", getattr(raised, "ename", type(raised).__name__))
        )
        message = str(content.get("evalue", getattr(raised, "evalue", str(raised))))
        lines = list(content.get("traceback") or [])
        signal = name if lines and lines[0].startswith(SIGNAL) else None
        if signal == "ExecutionSuccess":
            return Outcome(
                C.EXITED, None, Ending(status=S.ENDED_SUCCESS, message=message or None)
            )
        if signal == "ExecutionCancel":
            ending = Ending(
                status=S.ENDED_CANCELLED, message=message or "It cancelled itself."
            )
            return Outcome(C.EXITED, None, ending)
        if name == "SystemExit" and message in ("", "0", "None"):
            return Outcome(C.EXITED, None, Ending(status=S.ENDED_SUCCESS))
        error = CellError(
            name=name,
            message=message[:MESSAGE],
            traceback="" if signal else COLOURS.sub("", "\n".join(lines))[-TRACEBACK:],
            cell_id=str(cell.get("id") or index),
            cell_index=index,
        )
        if name == "KeyboardInterrupt" and self._run.is_cancelled:
            return Outcome(
                C.INTERRUPTED,
                error,
                Ending(status=S.ENDED_CANCELLED),
            )
        said = message if signal else f"{self._where(index)}: {name}: {message}"
        status = C.INTERRUPTED if name == "KeyboardInterrupt" else C.ERROR
        return Outcome(
            status,
            error,
            Ending(status=S.ENDED_ERROR, message=said[:MESSAGE], error=error),
        )

    @property
    def _is_too_long(self) -> bool:
        """Whether the cell was interrupted, for it took longer than it may."""
        return self._interrupted_at is not None and not self._run.is_cancelled

    def _timed_out(self, cell: nbformat.NotebookNode, index: int) -> Outcome:
        """The outcome of a cell that was interrupted, with where it was."""
        raised = CellTimeoutError("The cell took too long.")
        outcome = self._broken(cell, index, raised)
        content = self._reply["content"] if self._reply else {}
        lines = "\n".join(content.get("traceback") or [])
        assert outcome.error is not None and outcome.ending is not None
        error = replace(outcome.error, traceback=COLOURS.sub("", lines)[-TRACEBACK:])
        return Outcome(outcome.status, error, replace(outcome.ending, error=error))

    def _lost(self, index: int, raised: BaseException) -> Reply:
        """What a person needs to know of a cell that took its kernel along."""
        is_late = isinstance(raised, CellTimeoutError)
        why = "could not be interrupted" if is_late else "died"
        failure = self._failure(index, self._mended_at(index))
        return {**failure, "kernel_lost": f"Its kernel {why}."}

    def _broken(
        self, cell: nbformat.NotebookNode, index: int, raised: BaseException
    ) -> Outcome:
        """The outcome of a cell that never replied."""
        match raised:
            case CellTimeoutError():
                status, reason = (
                    C.TIMED_OUT,
                    f"it ran longer than {self._limit.seconds} s",
                )
            case DeadKernelError():
                status, reason = C.KERNEL_DIED, f"the kernel died{self._exit_words()}"
            case _:
                status, reason = C.INTERRUPTED, "interrupted"
        error = CellError(
            name=type(raised).__name__,
            message=reason,
            cell_id=str(cell.get("id") or index),
            cell_index=index,
        )
        if self._run.is_cancelled or status is C.INTERRUPTED:
            message = None if self._run.is_cancelled else "Interrupted."
            ending = Ending(status=S.ENDED_CANCELLED, message=message)
            return Outcome(status, error, ending)
        said = f"{self._where(index)}: {reason}."
        return Outcome(
            status, error, Ending(status=S.ENDED_ERROR, message=said, error=error)
        )

    def _where(self, index: int) -> str:
        runnable = [
            i for i, cell in enumerate(self.nb.cells) if self._is_runnable(cell)
        ]
        return f"Cell {runnable.index(index) + 1} of {len(runnable)}"

    def _exit_words(self) -> str:
        process = getattr(self.km.provisioner, "process", None)
        code = process.poll() if process is not None else None
        if code is None:
            return ""
        return f" (killed by signal {-code})" if code < 0 else f" (exit code {code})"

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
            case "error" if (content.get("traceback") or [""])[0].startswith(SIGNAL):
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
