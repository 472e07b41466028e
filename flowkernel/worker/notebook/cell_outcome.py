"""How a cell ended, by the reply of its kernel, and what follows for the notebook. Pure."""

from dataclasses import dataclass, replace

from nbclient.exceptions import CellTimeoutError, DeadKernelError

from flowkernel.core.cell_numbers import renumbered
from flowkernel.core.kernel_contract import SIGNAL
from flowkernel.core.models import CellError
from flowkernel.core.report_limits import (
    ERROR_MESSAGE_CHARACTERS,
    TRACEBACK_CHARACTERS,
)
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.worker.notebook.cell_location import CellLocation
from flowkernel.worker.notebook.error_text import (
    COLOURS,
    Content,
    error_text,
    message_of,
    name_of,
    traceback_lines,
)
from flowkernel.worker.reporting.execution_session import ExecutionEnd

#: Names of the error by which a kernel ends a cell that is interrupted: Python's, Julia's.
INTERRUPTS = frozenset({"KeyboardInterrupt", "InterruptException"})
MAX_COLOURED = 10  #: Characters with colours for one without, about.

S = ExecutionStatus
C = CellStatus


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell ended, and what follows for the notebook."""

    status: CellStatus
    error: CellError | None = None
    ending: ExecutionEnd | None = None  #: The notebook ends here.


def is_signal(content: Content) -> bool:
    """Whether the error is a lifecycle signal, as of `this.success()`."""
    return "".join(traceback_lines(content)[:1]).startswith(SIGNAL)


def allowed_error_outcome(content: Content) -> CellOutcome:
    """The outcome of a cell that raised and may: the notebook continues."""
    message = message_of(content)[:ERROR_MESSAGE_CHARACTERS]
    error = CellError(name=name_of(content), message=message)
    return CellOutcome(C.ALLOWED_ERROR, error)


def error_outcome(
    content: Content, location: CellLocation, *, is_cancelled: bool
) -> CellOutcome:
    """The outcome of a cell that raised: the notebook ends.

    The message of its ending is what people see: "Cell 2 of 3: ValueError: no sales".

    Args:
        content: Of the kernel's reply.
        location: Of the cell.
        is_cancelled: The execution was, which may be the cause of the error.
    """
    name, message = name_of(content), message_of(content)
    has_signal = is_signal(content)
    ending = _signal_end(name, message) if has_signal else _exit_end(name, message)
    if ending is not None:
        return CellOutcome(C.EXITED, None, ending)
    error = CellError(
        name=name,
        message=message[:ERROR_MESSAGE_CHARACTERS],
        traceback="" if has_signal else traceback_of(content, location),
        cell_id=location.cell_id,
        cell_index=location.index,
        cell_number=location.number,
    )
    is_interrupt = name in INTERRUPTS
    if is_interrupt and is_cancelled:
        return CellOutcome(C.INTERRUPTED, error, ExecutionEnd(status=S.ENDED_CANCELLED))
    text = message if has_signal else f"{location}: {error_text(content)}"
    ending = _error_end(text[:ERROR_MESSAGE_CHARACTERS], error)
    return CellOutcome(C.INTERRUPTED if is_interrupt else C.ERROR, error, ending)


def _error_end(message: str, error: CellError) -> ExecutionEnd:
    return ExecutionEnd(status=S.ENDED_ERROR, message=message, error=error)


def _signal_end(signal: str, message: str) -> ExecutionEnd | None:
    """The end that the flow requests by a signal; None if the signal is an error."""
    match signal:
        case "ExecutionSuccess":
            return ExecutionEnd(status=S.ENDED_SUCCESS, message=message or None)
        case "ExecutionCancel":
            reason = message or "It cancelled itself."
            return ExecutionEnd(status=S.ENDED_CANCELLED, message=reason)
        case _:
            return None


def _exit_end(name: str, message: str) -> ExecutionEnd | None:
    """The end by `sys.exit()`; None if its code means an error."""
    if name == "SystemExit" and message in ("", "0", "None"):
        return ExecutionEnd(status=S.ENDED_SUCCESS)
    return None


def no_reply_outcome(
    error: BaseException,
    location: CellLocation,
    *,
    limit: float | None,
    exit_code: int | None,
    is_cancelled: bool,
) -> CellOutcome:
    """The outcome of a cell without a reply.

    Args:
        error: What nbclient raised instead.
        location: Of the cell.
        limit: Seconds that the cell may run.
        exit_code: Of the kernel; below 0: the signal that killed it; None: not known.
        is_cancelled: The execution was, which may be the cause.
    """
    status, cause = _cause(error, limit, exit_code)
    cell_error = CellError(
        name=type(error).__name__,
        message=cause,
        cell_id=location.cell_id,
        cell_index=location.index,
        cell_number=location.number,
    )
    if is_cancelled or status is C.INTERRUPTED:
        message = None if is_cancelled else "Interrupted."
        ending = ExecutionEnd(status=S.ENDED_CANCELLED, message=message)
    else:
        ending = _error_end(f"{location}: {cause}.", cell_error)
    return CellOutcome(status, cell_error, ending)


def outside_outcome(error: Exception, location: CellLocation) -> CellOutcome:
    """The outcome of a cell during which something else failed, such as the disk.

    What ends the notebook is the error, and says why.
    """
    cell_error = CellError(
        name=type(error).__name__,
        message=str(error)[:ERROR_MESSAGE_CHARACTERS],
        cell_id=location.cell_id,
        cell_index=location.index,
        cell_number=location.number,
    )
    return CellOutcome(C.ERROR, cell_error)


def timeout_outcome(
    content: Content, location: CellLocation, *, limit: float | None
) -> CellOutcome:
    """The outcome of a cell that ran too long and was interrupted, with its traceback."""
    outcome = no_reply_outcome(
        CellTimeoutError("The cell took too long."),
        location,
        limit=limit,
        exit_code=None,
        is_cancelled=False,
    )
    assert outcome.error is not None
    assert outcome.ending is not None
    error = replace(outcome.error, traceback=traceback_of(content, location))
    return CellOutcome(outcome.status, error, replace(outcome.ending, error=error))


def kernel_loss_reason(error: BaseException) -> str:
    """Why the kernel of a cell without a reply is lost: a sentence."""
    is_timeout = isinstance(error, CellTimeoutError)
    return f"Its kernel {'could not be interrupted' if is_timeout else 'died'}."


def traceback_of(content: Content, location: CellLocation) -> str:
    """The traceback without colours; of a long one the end, which has the cause."""
    lines = "\n".join(traceback_lines(content))
    end = lines[-MAX_COLOURED * TRACEBACK_CHARACTERS :]  # It may be huge.
    text = renumbered(COLOURS.sub("", end), location.numbers)
    return text[-TRACEBACK_CHARACTERS:]


def _cause(
    error: BaseException, limit: float | None, exit_code: int | None
) -> tuple[CellStatus, str]:
    match error:
        case CellTimeoutError():
            return C.TIMED_OUT, f"it ran longer than {limit} s"
        case DeadKernelError():
            return C.KERNEL_DIED, f"the kernel died{_exit_code_text(exit_code)}"
        case _:
            return C.INTERRUPTED, "interrupted"


def _exit_code_text(code: int | None) -> str:
    if code is None:
        return ""
    return f" (killed by signal {-code})" if code < 0 else f" (exit code {code})"
