"""What follows a failure: its kernel is parked, a person decides, and it continues or ends."""

from dataclasses import dataclass, replace

from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.cell_numbers import CellNumbers
from flowkernel.core.models import Decision, DecisionVerb, Execution, Failure
from flowkernel.core.status import ExecutionStatus
from flowkernel.worker.notebook.cell_location import editable_index, failure_at
from flowkernel.worker.notebook.decision_banner import add_decision
from flowkernel.worker.notebook.guest_kernel import REFUSE_GUESTS, GuestKernel
from flowkernel.worker.reporting.execution_session import ExecutionEnd, ExecutionSession

SET_VALUES = "globals().update({values!r})"
REWIND = "__import__('sys').modules['flowkernel.flow_api.context'].rewind({cells})"

S = ExecutionStatus


@dataclass(frozen=True, slots=True)
class Continue:
    """The notebook continues in its kernel."""

    index: int  #: With this cell.


@dataclass(frozen=True, slots=True)
class Stop:
    """The notebook is over."""

    ending: ExecutionEnd
    #: What failed, and why its kernel is lost; None: nothing new.
    failure: Failure | None = None


class FailureRecovery:
    """One failure of one cell, until a person has decided what follows."""

    def __init__(
        self,
        client: PapermillNotebookClient,
        session: ExecutionSession,
        execution: Execution,
        index: int,
        numbers: CellNumbers,
    ) -> None:
        """`index`: of the cell that failed; `numbers`: of all cells."""
        self._client = client
        self._session = session
        self._kernel = GuestKernel(client, session, execution)
        self._index = index
        self._numbers = numbers
        self._first = editable_index(client.nb, index)  #: The cell to run again from.

    def wait(self, ending: ExecutionEnd) -> Continue | Stop:
        """What follows after a cell that ends the notebook with `ending`.

        If a person decides it, this waits for the decision.
        """
        session = self._session
        if not session.parks or ending.status is not S.ENDED_ERROR:
            return Stop(ending)
        if session.is_cancelled:
            return Stop(ExecutionEnd(status=S.ENDED_CANCELLED))
        self._client.nb_man.try_to_save()
        with self._kernel.opened():
            decision = session.park(
                ending, self._failure(), on_check=self._kernel.discard_output
            )
        if decision is None:
            is_cancelled = session.is_cancelled
            return Stop(
                ExecutionEnd(status=S.ENDED_CANCELLED) if is_cancelled else ending
            )
        return self._resume(decision, ending)

    def _resume(self, decision: Decision, ending: ExecutionEnd) -> Continue | Stop:
        source = f"{REFUSE_GUESTS}\n{self._resume_source(decision)}"
        if self._kernel.run_silently(source) is None:
            # It ended just now: it lived when the person decided.
            failure = replace(self._failure(), kernel_lost="Its kernel ended.")
            return Stop(ending, failure)
        failure, cell = self._failure(), self._client.nb.cells[self._first]
        add_decision(cell, decision, failure.cell_number, failure.cell_count or 0)
        return Continue(self._next_index(decision))

    def _resume_source(self, decision: Decision) -> str:
        """What the kernel runs before it continues. Puts an edited source in its cell."""
        if decision.verb is DecisionVerb.SKIP:
            return SET_VALUES.format(values=decision.values or {})
        if decision.source is not None:
            self._client.nb.cells[self._first].source = decision.source
        return REWIND.format(cells=self._index - self._first + 1)

    def _next_index(self, decision: Decision) -> int:
        is_skipped = decision.verb is DecisionVerb.SKIP
        return self._index + 1 if is_skipped else self._first

    def _failure(self) -> Failure:
        return failure_at(self._client.nb, self._index, self._numbers)
