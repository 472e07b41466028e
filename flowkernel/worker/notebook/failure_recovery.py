"""What follows a failure: its kernel is parked, somebody decides, and it goes on or is over."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.models import Decision, DecisionVerb, Execution, Failure
from flowkernel.core.process_id import started_at
from flowkernel.core.status import ExecutionStatus
from flowkernel.kernels.parked.registry import ParkedKernel, published
from flowkernel.worker.notebook.cell_location import failure_at, mended_at
from flowkernel.worker.notebook.silent_request import pass_over, tell
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

GUESTS = "__import__('flowkernel.kernels.parked.guest_access', fromlist=['']).{call}"
LET_IN = GUESTS.format(call="let_in({owner!r})")
KEEP_OUT = GUESTS.format(call="keep_out()")
SET_VALUES = "globals().update({values!r})"
REWIND = "__import__('sys').modules['flowkernel.flow_api.context'].rewind({cells})"

BUSY = "[flowkernel: it goes on when the kernel is free; somebody runs a cell in it]\n"

S = ExecutionStatus


@dataclass(frozen=True, slots=True)
class Continue:
    """The notebook goes on in its kernel."""

    index: int  #: With this cell.


@dataclass(frozen=True, slots=True)
class Stop:
    """The notebook is over."""

    ending: ExecutionEnd
    loss: Failure | None = None  #: With why its kernel is gone, if that is new.


class FailureRecovery:
    """One failure of one cell, until somebody has decided on it."""

    def __init__(
        self,
        client: PapermillNotebookClient,
        run: ExecutionSession,
        execution: Execution,
        index: int,
    ) -> None:
        """`index`: of the cell that failed."""
        self._client = client
        self._run = run
        self._execution = execution
        self._index = index
        self._first = mended_at(client.nb, index)  #: The cell that is carried out anew.

    def wait(self, ending: ExecutionEnd) -> Continue | Stop:
        """What follows from how the cell ended the notebook; waits for who decides that."""
        if not self._run.parks or ending.status is not S.ENDED_ERROR:
            return Stop(ending)
        if self._run.is_cancelled:
            return Stop(ExecutionEnd(status=S.ENDED_CANCELLED))
        self._client.nb_man.save_now()
        with self._attachable():
            decision = self._run.park(
                ending, self._failure(), meanwhile=self._pass_over
            )
        if decision is None:
            is_cancelled = self._run.is_cancelled
            return Stop(
                ExecutionEnd(status=S.ENDED_CANCELLED) if is_cancelled else ending
            )
        if self._tell(f"{KEEP_OUT}\n{self._aside(decision)}") is None:
            # Just now: it was there when that was decided.
            loss = replace(self._failure(), kernel_lost="Its kernel ended.")
            return Stop(ending, loss)
        return Continue(self._next(decision))

    def _aside(self, decision: Decision) -> str:
        """What the kernel is told before it goes on; what was edited is put in its place."""
        if decision.verb is DecisionVerb.SKIP:
            return SET_VALUES.format(values=decision.values or {})
        if decision.source is not None:
            self._client.nb.cells[self._first].source = decision.source
        return REWIND.format(cells=self._index - self._first + 1)

    def _next(self, decision: Decision) -> int:
        is_skipped = decision.verb is DecisionVerb.SKIP
        return self._index + 1 if is_skipped else self._first

    def _failure(self) -> Failure:
        client = self._client
        return failure_at(client.nb, self._index, client.skip_cells_with_tag)

    @contextmanager
    def _attachable(self) -> Iterator[None]:
        """Meanwhile others can attach to the kernel, if it can keep them from ending it."""
        owner = self._client.kc.session.session
        is_kept = self._run.unkept is None
        if not is_kept or self._tell(LET_IN.format(owner=owner)) != "ok":
            yield
            return
        with published(self._run.link.client.home.path, self._parked()):
            yield

    def _parked(self) -> ParkedKernel:
        """The kernel, as others find it."""
        manager, execution = self._client.km, self._execution
        home = self._run.link.client.home
        return ParkedKernel(
            execution_id=execution.execution_id,
            name=execution.name,
            notebook=str(home.path / (execution.notebook_path or "")),
            pid=manager.provisioner.pid,
            process_started_at=started_at(manager.provisioner.pid),
            worker_pid=os.getpid(),
            worker_started_at=started_at(),
            connection=manager.get_connection_info(),
        )

    def _tell(self, source: str) -> str | None:
        """Have the kernel do something that is in no notebook; None if it ended."""
        client = self._client
        said: str | None = run_sync(tell)(
            client.kc, client.km, source, on_wait=self._say_busy
        )
        return said

    def _say_busy(self) -> None:
        self._run.logged("stderr", BUSY)

    def _pass_over(self) -> None:
        run_sync(pass_over)(self._client.kc)
