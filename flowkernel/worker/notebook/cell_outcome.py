"""How a cell went, by what its kernel replied, and what that means for the notebook. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError

from flowkernel.core.kernel_contract import SIGNAL
from flowkernel.core.models import CellError
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.worker.notebook.cell_location import CellLocation
from flowkernel.worker.reporting.execution_session import (
    MESSAGE,
    TRACEBACK,
    ExecutionEnd,
)

#: As a terminal gets them; the record has none.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

S = ExecutionStatus
C = CellStatus
Content = dict[str, Any]  #: Of a kernel's reply; empty if there was none.


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """How a cell went, and what that means for the notebook."""

    status: CellStatus
    error: CellError | None = None
    ending: ExecutionEnd | None = None  #: The notebook ends here.


def is_signal(content: Content) -> bool:
    """Whether what was raised is a lifecycle signal, as of `this.success()`."""
    return (content.get("traceback") or [""])[0].startswith(SIGNAL)


def allowed(content: Content) -> CellOutcome:
    """The outcome of a cell that raised and may: the notebook goes on."""
    name, message = str(content.get("ename")), str(content.get("evalue"))
    return CellOutcome(C.ALLOWED_ERROR, CellError(name=name, message=message[:MESSAGE]))


def raised(content: Content, place: CellLocation, *, is_cancelled: bool) -> CellOutcome:
    """The outcome of a cell that raised: the notebook ends.

    Args:
        is_cancelled: The execution was; what was raised may come of that.
    """
    name = str(content.get("ename", "<Error>"))
    message = str(content.get("evalue", ""))
    ending = _wanted_end(name, message) if is_signal(content) else _exit(name, message)
    if ending is not None:
        return CellOutcome(C.EXITED, None, ending)
    error = CellError(
        name=name,
        message=message[:MESSAGE],
        traceback="" if is_signal(content) else traceback_of(content),
        cell_id=place.cell_id,
        cell_index=place.index,
    )
    is_interrupt = name == "KeyboardInterrupt"
    if is_interrupt and is_cancelled:
        return CellOutcome(C.INTERRUPTED, error, ExecutionEnd(status=S.ENDED_CANCELLED))
    said = message if is_signal(content) else f"{place}: {name}: {message}"
    ending = ExecutionEnd(status=S.ENDED_ERROR, message=said[:MESSAGE], error=error)
    return CellOutcome(C.INTERRUPTED if is_interrupt else C.ERROR, error, ending)


def _wanted_end(signal: str, message: str) -> ExecutionEnd | None:
    """The end that the flow asked for by a signal; None if that is an error."""
    match signal:
        case "ExecutionSuccess":
            return ExecutionEnd(status=S.ENDED_SUCCESS, message=message or None)
        case "ExecutionCancel":
            said = message or "It cancelled itself."
            return ExecutionEnd(status=S.ENDED_CANCELLED, message=said)
        case _:
            return None


def _exit(name: str, message: str) -> ExecutionEnd | None:
    """The end by `sys.exit()`; None if that has a code that says error."""
    if name == "SystemExit" and message in ("", "0", "None"):
        return ExecutionEnd(status=S.ENDED_SUCCESS)
    return None


def broken(
    error: BaseException,
    place: CellLocation,
    *,
    limit: float | None,
    exit_code: int | None,
    is_cancelled: bool,
) -> CellOutcome:
    """The outcome of a cell that never replied.

    Args:
        error: What nbclient raised instead.
        limit: Seconds the cell might take.
        exit_code: Of the kernel; below 0: the signal that killed it; None: not known.
        is_cancelled: The execution was; what happened may come of that.
    """
    status, reason = _why_broken(error, limit, exit_code)
    told = CellError(
        name=type(error).__name__,
        message=reason,
        cell_id=place.cell_id,
        cell_index=place.index,
    )
    if is_cancelled or status is C.INTERRUPTED:
        message = None if is_cancelled else "Interrupted."
        return CellOutcome(
            status, told, ExecutionEnd(status=S.ENDED_CANCELLED, message=message)
        )
    said = f"{place}: {reason}."
    ending = ExecutionEnd(status=S.ENDED_ERROR, message=said, error=told)
    return CellOutcome(status, told, ending)


def timed_out(
    content: Content, place: CellLocation, *, limit: float | None
) -> CellOutcome:
    """The outcome of a cell that was interrupted for it took too long, with where it was."""
    late = CellTimeoutError("The cell took too long.")
    outcome = broken(late, place, limit=limit, exit_code=None, is_cancelled=False)
    assert outcome.error is not None and outcome.ending is not None
    error = replace(outcome.error, traceback=traceback_of(content))
    return CellOutcome(outcome.status, error, replace(outcome.ending, error=error))


def why_lost(error: BaseException) -> str:
    """Why the kernel of a cell that never replied is gone: a sentence."""
    is_late = isinstance(error, CellTimeoutError)
    return f"Its kernel {'could not be interrupted' if is_late else 'died'}."


def traceback_of(content: Content) -> str:
    """The traceback without colours; of a long one the end, where the cause stands."""
    lines = "\n".join(content.get("traceback") or [])
    return COLOURS.sub("", lines)[-TRACEBACK:]


def _why_broken(
    error: BaseException, limit: float | None, exit_code: int | None
) -> tuple[CellStatus, str]:
    match error:
        case CellTimeoutError():
            return C.TIMED_OUT, f"it ran longer than {limit} s"
        case DeadKernelError():
            return C.KERNEL_DIED, f"the kernel died{_exit_words(exit_code)}"
        case _:
            return C.INTERRUPTED, "interrupted"


def _exit_words(code: int | None) -> str:
    if code is None:
        return ""
    return f" (killed by signal {-code})" if code < 0 else f" (exit code {code})"
