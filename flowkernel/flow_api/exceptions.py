"""The exceptions of the flow API, under the names its documentation gives them.

This version raises `DependencyFailedError`, `DependencyTimeoutError`, `MessageClosed`,
`MessageResponseTimeoutError`, `MissingInputError`, `MissingValueError` and the three signals.
The others are here so that flows that name them can be read.
"""

import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from flowkernel.core.errors import ExecutionFailed, FlowkernelError
from flowkernel.core.kernel_contract import SIGNAL
from flowkernel.core.models import Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.suggestions import quoted_name, suggestion

#: Characters of a child's error in the message of its parent, about.
MAX_REASON = 600
_PACKAGE = str(Path(__file__).parents[1])


class EngineException(FlowkernelError):
    """The root of what the flow API raises, except for the signals.

    >>> issubclass(DependencyTimeoutError, EngineException)
    True
    >>> CloudomationException is EngineException
    True
    """

    def _render_traceback_(self) -> list[str]:
        # In a flow the line that called us matters; our own frames do not.
        trace = traceback.TracebackException.from_exception(self)
        frames = [
            frame
            for frame in trace.stack
            if _PACKAGE not in frame.filename and "/IPython/" not in frame.filename
        ]
        trace.stack = traceback.StackSummary.from_list(frames)
        return "".join(trace.format(chain=False)).splitlines()


CloudomationException = EngineException  #: Its former name.


class InternalError(EngineException):
    """The engine had an internal error."""


class PermissionDenied(EngineException):
    """The action is not allowed."""


class ResourceNotFoundError(EngineException):
    """The named object does not exist."""


class FailedExecution(Protocol):
    """The part of an `Execution` that `DependencyFailedError` uses."""

    def load_all(self) -> dict[str, Json]:
        """Every field, read from the engine now."""


class DependencyFailedError(EngineException, ExecutionFailed):
    """A child failed or was cancelled. Its text has the name of the child and the reason.

    Attributes:
        execution: The child, an `Execution`.
        child: The same.
        error: The `name`, `message` and `traceback` of what a cell raised, as a dict; None if
            the child ended in another way.

    Example::

        try:
            this.flow("fetch")
        except flow_api.DependencyFailedError as failure:
            this.log(failure.child.get("name"), failure.error)
    """

    def __init__(self, execution: FailedExecution) -> None:
        record = execution.load_all()
        self.execution = execution
        self.child = execution
        self.error = record.get("error")
        status = ExecutionStatus(record["status"]).label
        outcome = "was cancelled" if status == "cancelled" else status
        reason = record.get("status_message") or "it gave no reason"
        reason = shortened_reason(reason.replace("DependencyFailedError: ", ""))
        super().__init__(f"{record['name']!r} {outcome}: {reason}")

    def _render_traceback_(self) -> list[str]:
        if self.describe is not None:  # A person waits for it, in no flow.
            return ExecutionFailed._render_traceback_(self)
        return EngineException._render_traceback_(self)


def shortened_reason(reason: str) -> str:
    """The two ends of a reason that is too long: many levels failed, and the cause is last.

    >>> shortened_reason("the shop does not answer")
    'the shop does not answer'
    """
    if len(reason) <= MAX_REASON:
        return reason
    return f"{reason[: MAX_REASON // 3]} ... {reason[-2 * MAX_REASON // 3 :]}"


class TimeoutExceededError(EngineException):
    """Something took longer than its time limit."""


class LockTimeoutError(TimeoutExceededError):
    """A lock was not free in time."""


class DependencyTimeoutError(TimeoutExceededError):
    """An execution did not end within the `timeout` of a wait. It continues to run."""


class MessageResponseTimeoutError(TimeoutExceededError):
    """A message was not answered within its time limit."""


class MessageClosed(EngineException):
    """A message can no longer be answered, because what it asks about has ended."""


class MissingInputError(EngineException, KeyError):
    """A flow uses an input that its run does not have. It is a `KeyError`, too.

    Example::

        try:
            orders = inputs["orders"]
        except flow_api.MissingInputError:
            orders = []
    """

    def __init__(self, name: str, inputs: Iterable[str]) -> None:
        super().__init__(
            f"This run has no input {name!r}; {_listed(name, inputs)} Pass it when the flow is "
            f"started, or read it with a default: inputs.get({name!r}, DEFAULT)."
        )

    __str__ = Exception.__str__  # That of KeyError puts the sentence in quotes.


class MissingValueError(EngineException, KeyError):
    """A program reads a name that an output, or the answer to a message, does not have.

    It is a `KeyError`, too. Example::

        try:
            total = child.output["total"]
        except flow_api.MissingValueError:
            total = 0
    """

    def __init__(self, field: str, name: object, names: Iterable[str]) -> None:
        """`field`: `output`, `inputs` or `response`. `names`: those that it has."""
        super().__init__(
            f"The {field} has no {quoted_name(str(name))}; {_listed(str(name), names)}"
        )

    __str__ = Exception.__str__  # As above.


def _listed(name: str, names: Iterable[str]) -> str:
    """What there is in place of a name, as the end of a sentence; and the nearest of it."""
    known_names = [*names]
    listed = ", ".join(map(repr, known_names)) or "none"
    advice = suggestion(name, known_names, otherwise="")
    return f"it has: {listed}. {advice}".strip()


class InvalidInputError(EngineException):
    """An input has a value that cannot be used."""


class ExtraInputError(EngineException):
    """An input is not one that the flow takes."""


class SchemaValidationError(EngineException):
    """A value does not fit its schema."""


class LifecycleSignal(BaseException):
    """Ends the flow. It is no `Exception`, so `except Exception` does not catch it.

    >>> issubclass(ExecutionSuccess, Exception)
    False
    """

    def _render_traceback_(self) -> list[str]:
        return [SIGNAL + type(self).__name__]


class ExecutionSuccess(LifecycleSignal):
    """Ends the flow as succeeded. Raised by `this.success()`."""


class ExecutionError(LifecycleSignal):
    """Ends the flow as failed. Raised by `this.error()`."""


class ExecutionCancel(LifecycleSignal):
    """Ends the flow as cancelled. Raised by `this.end("cancelled")`."""
