"""Every error flowkernel raises on purpose.

FlowkernelError
├── RequestError       what was asked for cannot be done; nothing was changed
│   ├── BadArgument
│   │   └── NotANotebook, BadName, BadValue, ValueTooBig, FlowSyntaxError, TooDeep,
│   │       BadForm, BadAnswer
│   ├── FlowNotFound, ExecutionNotFound, MessageNotFound, FileMissing
│   ├── MoveNotAllowed, NotInFlowKernel, NotYetAvailable, NotParked
│   │   └── NotOpen, Undecided
│   └── SqlRefused
├── RunError           a flow ran and did not succeed
│   └── ExecutionFailed, ExecutionCancelled, EnvironmentGone
└── EngineError        the engine is away, or broke
    └── EngineUnreachable, EngineFault, HomeNotWritable, DiskFull, Unauthorized
"""

from collections.abc import Iterable
from difflib import get_close_matches

from flowkernel.core.status import ExecutionStatus


class FlowkernelError(Exception):
    """The root of the tree. Its text is a sentence for the person who reads it."""

    is_answer = False  #: An engine said so; else it was found out here.

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines instead of our stack, and the notebook keeps an
        # error output. Its own UsageError leaves none: papermill loses the message.
        return [f"{type(self).__name__}: {self}"]


class RequestError(FlowkernelError):
    """What was asked for cannot be done; nothing was changed."""


class BadArgument(RequestError):
    """A value that cannot be used. The sentence names it."""


class NotANotebook(BadArgument):
    """The file is not a Jupyter notebook."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path!r} is not a Jupyter notebook: {reason}. "
            "Open it in JupyterLab and save it again, or name another file."
        )


class BadName(BadArgument):
    """A name that cannot be given to a flow or an execution."""


class BadValue(BadArgument):
    """An input or output that is not JSON. The sentence names the key."""


class ValueTooBig(BadArgument):
    """Inputs or an output over the limit."""

    def __init__(self, what: str, size: int, limit: int, largest: str | None) -> None:
        where = f" The largest part is {largest}." if largest else ""
        super().__init__(
            f"{what.capitalize()} of {size:,} bytes as JSON; the limit is {limit:,}.{where} "
            "Write large data to a file and pass its path."
        )


class FlowSyntaxError(BadArgument):
    """The source of a flow is not valid Python. The sentence shows the line."""


class TooDeep(BadArgument):
    """A flow that starts itself, or a tree deeper than the limit."""

    def __init__(self, flow_name: str, limit: int) -> None:
        super().__init__(
            f"Starting {flow_name!r} here would make a tree more than {limit} levels deep. "
            "Does a flow start itself for ever? If the depth is meant, raise `max_depth`."
        )


class BadForm(BadArgument):
    """The body of a message is no form that could be shown."""


class BadAnswer(BadArgument):
    """An answer that does not fit its form. The message stays open."""


class FlowNotFound(RequestError):
    """No flow has this name."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        near = get_close_matches(name, list(known), n=1)
        advice = (
            f"Did you mean {near[0]!r}?"
            if near
            else "`flowkernel flow list` (or %flows in a notebook) shows them all."
        )
        super().__init__(f"There is no flow named {name!r}. {advice}")


class ExecutionNotFound(RequestError):
    """No execution has this id."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"There is no execution {execution_id!r} in this home. "
            "`flowkernel execution list` shows the latest."
        )


class MessageNotFound(RequestError):
    """No message has this id."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"There is no message {message_id!r}. `flowkernel message list` shows them."
        )


class FileMissing(RequestError):
    """A file or folder that was named is not there."""


class MoveNotAllowed(RequestError):
    """The status of an execution does not allow what was asked for.

    Args:
        status: What it is now; an `ExecutionStatus`, or words for it.
        change: The `ExecutionStatus` it would get, or a participle: "deleted".
    """

    def __init__(self, execution_id: str, status: str, change: str) -> None:
        now = status.label if isinstance(status, ExecutionStatus) else status
        then = (
            f"change to {change.label}"
            if isinstance(change, ExecutionStatus)
            else f"be {change}"
        )
        super().__init__(
            f"Execution {execution_id} has the status {now} and cannot {then}."
        )


class NotOpen(MoveNotAllowed):
    """A message that cannot be answered: somebody was first, or nobody waits for it."""

    def __init__(self, why: str) -> None:
        RequestError.__init__(self, why)


class NotParked(RequestError):
    """An execution has no parked kernel that could be attached to, or not any more."""

    def __init__(self, execution_id: str, why: str) -> None:
        super().__init__(
            f"Execution {execution_id} has no parked kernel: {why}. "
            "`flowkernel message list` shows what waits for somebody."
        )


class Undecided(MoveNotAllowed):
    """A failed execution that goes on only as somebody decides."""

    def __init__(self, name: str) -> None:
        RequestError.__init__(
            self,
            f"{name!r} has failed, and waits for somebody to decide what follows. "
            "`flowkernel message list` (or %inbox in a notebook) shows what is asked.",
        )


class NotInFlowKernel(RequestError):
    """Something that only works inside a flow's own kernel was used elsewhere."""


class NotYetAvailable(RequestError):
    """A part of the flow API that this version does not have."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what} is not part of this version of flowkernel. {instead}")


class SqlRefused(RequestError):
    """A question in SQL that is not answered: the sentence says why."""


class RunError(FlowkernelError):
    """A flow ran and did not succeed."""


class ExecutionFailed(RunError):
    """An execution ended with an error."""


class ExecutionCancelled(RunError):
    """An execution was cancelled."""


class EnvironmentGone(RunError):
    """The interpreter, kernelspec or folder that a flow was registered with is not there."""


class EngineError(FlowkernelError):
    """The engine is away, or broke."""


class EngineUnreachable(EngineError):
    """The engine does not answer, and could not be started."""


class EngineFault(EngineError):
    """The engine broke while it did what was asked."""


class HomeNotWritable(EngineError):
    """The home cannot be written to."""


class DiskFull(EngineError):
    """The disk of the home is full: nothing was recorded, reading still works."""


class Unauthorized(EngineError):
    """The token is missing or wrong."""

    def __init__(self) -> None:
        super().__init__(
            "The token is missing or wrong. `engine.json` in the home has the right one."
        )


def all_errors() -> dict[str, type[FlowkernelError]]:
    """Every class of the tree by its name, which is its code over REST."""
    found: dict[str, type[FlowkernelError]] = {}
    todo: list[type[FlowkernelError]] = [FlowkernelError]
    while todo:
        cls = todo.pop()
        found[cls.__name__] = cls
        todo += cls.__subclasses__()
    return found


def from_code(code: str, message: str) -> FlowkernelError:
    """The error that an engine's `{code, message}` stands for."""
    cls = all_errors().get(code, EngineFault)
    error = cls.__new__(cls)  # The sentence is written already: pass the writers by.
    Exception.__init__(error, message)
    error.is_answer = True
    return error
