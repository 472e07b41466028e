"""The exceptions of the flow API, under the names its documentation gives them."""

import traceback
from pathlib import Path
from typing import Protocol

from flowkernel.core.errors import ExecutionFailed, FlowkernelError
from flowkernel.core.kernel_contract import SIGNAL
from flowkernel.core.models import Json

MAX_REASON = 600  #: Characters of a child's error in the message of its parent.
_PACKAGE = str(Path(__file__).parents[1])


class EngineException(FlowkernelError):
    """The root of what the flow API raises."""

    def _render_traceback_(self) -> list[str]:
        # In a flow the line that called us matters; our own frames do not.
        trace = traceback.TracebackException.from_exception(self)
        kept = [
            f
            for f in trace.stack
            if _PACKAGE not in f.filename and "/IPython/" not in f.filename
        ]
        trace.stack = traceback.StackSummary.from_list(kept)
        return "".join(trace.format(chain=False)).splitlines()


CloudomationException = EngineException  #: Its former name.


class InternalError(EngineException):
    """The engine broke while it did what was asked."""


class PermissionDenied(EngineException):
    """This may not be done."""


class ResourceNotFoundError(EngineException):
    """What was named does not exist."""


class FailedExecution(Protocol):
    """What `DependencyFailedError` needs of the child that it carries."""

    def load_all(self) -> dict[str, Json]:
        """Every field, read from the engine now."""


class DependencyFailedError(EngineException, ExecutionFailed):
    """A child ended otherwise than with success. It carries the child and its error."""

    def __init__(self, execution: FailedExecution) -> None:
        record = execution.load_all()
        self.execution = execution
        self.child = execution
        self.error = record.get("error")
        status = record["status"].removeprefix("ENDED_").lower()
        word = {"error": "failed", "cancelled": "was cancelled"}.get(status, status)
        reason = record.get("status_message") or "it gave no reason"
        reason = shortened(reason.replace("DependencyFailedError: ", ""))
        super().__init__(f"{record['name']!r} {word}: {reason}")


def shortened(reason: str) -> str:
    """A reason that tells how many levels failed: its ends, where the cause stands."""
    if len(reason) <= MAX_REASON:
        return reason
    return f"{reason[: MAX_REASON // 3]} ... {reason[-2 * MAX_REASON // 3 :]}"


class TimeoutExceededError(EngineException):
    """Something took longer than it was given."""


class LockTimeoutError(TimeoutExceededError):
    """A lock was not free in time."""


class DependencyTimeoutError(TimeoutExceededError):
    """An execution did not end in time."""


class MessageResponseTimeoutError(TimeoutExceededError):
    """Nobody answered in time."""


class MessageClosed(EngineException):
    """Nobody can answer any more: what asked is gone."""


class MissingInputError(EngineException):
    """An input that is needed was not given."""


class InvalidInputError(EngineException):
    """An input has a value that cannot be used."""


class ExtraInputError(EngineException):
    """An input was given that nobody asked for."""


class SchemaValidationError(EngineException):
    """A value does not fit its schema."""


class LifecycleSignal(BaseException):
    """Ends the flow. Not an Exception, so that `except Exception` lets it pass."""

    def _render_traceback_(self) -> list[str]:
        return [SIGNAL + type(self).__name__]


class ExecutionSuccess(LifecycleSignal):
    """Raised by `this.success()`."""


class ExecutionError(LifecycleSignal):
    """Raised by `this.error()`."""


class ExecutionCancel(LifecycleSignal):
    """Raised by `this.end("cancelled")`."""
