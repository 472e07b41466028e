"""Every error flowkernel raises on purpose.

Over REST, a class has the HTTP status of its base class (`core/http_status.py`); on the command
line, its exit code (`cli/error_report.py`).

::

    FlowkernelError
    ├── RequestError       the request cannot be carried out; nothing was changed
    │   ├── BadArgument
    │   │   └── NotANotebook, BadName, BadValue, ValueTooBig, FlowSyntaxError, TooDeep,
    │   │       BadForm, BadAnswer, BadInputs
    │   ├── FlowNotFound, ExecutionNotFound, MessageNotFound, FileMissing, HomeMissing
    │   ├── MoveNotAllowed, NotInFlowKernel, NotYetAvailable, NotParked
    │   │   └── NotOpen, Undecided
    │   ├── AttemptIsOver, NotAllowed
    │   └── SqlRefused, SqlBusy
    ├── RunError           a flow ran and did not succeed
    │   └── ExecutionFailed, ExecutionCancelled, EnvironmentGone
    └── EngineError        the engine does not answer or has an internal error
        └── EngineUnreachable (EngineStopped), EngineBusy, EngineFault,
            HomeNotWritable, DiskFull, Unauthorized
"""

from collections.abc import Callable, Iterable

from flowkernel.core.status import ExecutionStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.core.text import plain_text


class FlowkernelError(Exception):
    """The root of the tree. Its text is a sentence for the person who reads it."""

    #: It came from an engine, as the answer to a request; else it was raised here.
    is_answer = False

    def _render_traceback_(self) -> list[str]:
        # IPython shows these lines instead of our stack, and the notebook keeps an
        # error output. Its own UsageError leaves none: papermill loses the message.
        return [plain_text(f"{type(self).__name__}: {self}")]


class RequestError(FlowkernelError):
    """The request cannot be carried out; nothing was changed."""


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
    """Inputs, an output or an answer over the limit. Sizes are bytes as JSON."""

    def __init__(self, label: str, size: int, limit: int, largest: str | None) -> None:
        detail = f" The largest part is {largest}." if largest else ""
        super().__init__(
            f"The size of {label} is {size:,} bytes as JSON; the limit is {limit:,}.{detail} "
            "Write large data to a file and pass its path."
        )


class FlowSyntaxError(BadArgument):
    """The source of a flow is not valid Python. The sentence shows the line."""


class TooDeep(BadArgument):
    """A flow that starts itself, or a tree deeper than the limit."""

    def __init__(self, flow_name: str, limit: int) -> None:
        super().__init__(
            f"Starting {flow_name!r} here would make a tree more than {limit} levels deep. "
            "Check whether a flow starts itself. If it needs this depth, raise `max_depth` "
            "in the configuration."
        )


class BadForm(BadArgument):
    """The body of a message is not a form that can be shown."""


class BadAnswer(BadArgument):
    """An answer that does not fit its form. The message stays open."""


class BadInputs(BadArgument):
    """Inputs that a flow does not take, or that are missing. Nothing was started.

    Args:
        problems: What is wrong with each, as a part of the sentence.
        advice: What the flow takes, as a sentence.
    """

    #: Stands between the flow and what is wrong with each input.
    words = " cannot start: "

    def __init__(self, flow_name: str, problems: Iterable[str], advice: str) -> None:
        super().__init__(f"{flow_name!r}{self.words}{'; '.join(problems)}. {advice}")


#: Where to look if no flow has a name like that.
ALL_FLOWS = "`flowkernel flow list` (or %flows in a notebook) shows all flows."


class FlowNotFound(RequestError):
    """No flow has this name."""

    def __init__(self, name: str, flow_names: Iterable[str] = ()) -> None:
        advice = suggestion(name, flow_names, otherwise=ALL_FLOWS)
        super().__init__(f"There is no flow named {quoted_name(name)}. {advice}")


class ExecutionNotFound(RequestError):
    """No execution has this id."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(
            f"There is no run {quoted_name(execution_id)} in this home. "
            "`flowkernel execution list` shows the latest runs."
        )


class MessageNotFound(RequestError):
    """No message has this id."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"There is no message {quoted_name(message_id)}. `flowkernel message list` shows "
            "those that wait for an answer."
        )


class FileMissing(RequestError):
    """A file or folder is not there, or cannot be read."""


class HomeMissing(RequestError):
    """Something is read or changed in a home that does not exist: nothing ran there."""

    #: A list was read, which a program expects as JSON.
    is_list = False

    def __init__(self, home: str, advice: str) -> None:
        super().__init__(
            f"There is no home {home!r}: nothing was run or registered here yet. {advice}"
        )


class MoveNotAllowed(RequestError):
    """The status of an execution does not allow the request.

    Args:
        status: What it is now; an `ExecutionStatus`, or words for it.
        change: The `ExecutionStatus` it would get, or a participle: "deleted".
    """

    def __init__(self, execution_id: str, status: str, change: str) -> None:
        now = (
            f"has the status {status.label}"
            if isinstance(status, ExecutionStatus)
            else f"is {status}"
        )
        then = (
            f"change to {change.label}"
            if isinstance(change, ExecutionStatus)
            else f"be {change}"
        )
        super().__init__(f"Run {execution_id} {now} and cannot {then}.")


class NotOpen(MoveNotAllowed):
    """A message that cannot be answered: it is answered already, closed, or a note."""

    def __init__(self, sentence: str) -> None:
        RequestError.__init__(self, sentence)


class NotParked(RequestError):
    """An execution has no parked kernel to attach to, or no longer has one."""

    def __init__(self, execution_id: str, reason: str) -> None:
        super().__init__(
            f"Run {execution_id} has no parked kernel: {reason}. "
            "`flowkernel message list` shows which failed runs wait for an answer."
        )


class Undecided(MoveNotAllowed):
    """A failed execution that waits for a decision, and got a request to continue."""

    def __init__(self, name: str) -> None:
        RequestError.__init__(
            self,
            f"{name!r} has failed and waits for a decision. Answer its prompt: "
            "`flowkernel message list` (or %inbox in a notebook) shows it.",
        )


class AttemptIsOver(RequestError):
    """A call from a kernel whose run has ended, or has begun again elsewhere."""

    def __init__(self, name: str, attempt: int, current: int | None) -> None:
        """`current`: the attempt that counts now; None: the run has ended."""
        call = f"This call is from attempt {attempt} of {name!r}"
        if current is None:
            super().__init__(
                f"{call}, which has ended. Nothing was recorded. Wait in the flow for all "
                "that it started, threads and programs too: its token ends with it."
            )
        else:
            super().__init__(
                f"{call}; attempt {current} runs now. Nothing was recorded. End this "
                "process: the run goes on without it."
            )


class NotAllowed(RequestError):
    """A request that the token it came with does not allow."""

    def __init__(self, caller: str, request: str) -> None:
        """`caller`: whose token it is. `request`: what was requested, as `POST /prune`."""
        super().__init__(
            f"The token of {caller} does not allow {request}. A flow can change itself and "
            "what it started, and read the rest. A person can do it, in a notebook or on the "
            "command line."
        )


class NotInFlowKernel(RequestError):
    """Something that works only in a flow's own kernel was used outside one."""


class NotYetAvailable(RequestError):
    """A part of the flow API that this version does not have."""

    def __init__(self, feature: str, advice: str) -> None:
        super().__init__(
            f"{feature} is not part of this version of flowkernel. {advice}"
        )


class SqlRefused(RequestError):
    """An SQL query that was not run, or was stopped: the sentence says why."""


class SqlBusy(RequestError):
    """Too many SQL queries are under way; the same one can be sent again a little later."""


class RunError(FlowkernelError):
    """A flow ran and did not succeed."""


class ExecutionFailed(RunError):
    """An execution ended with an error."""

    #: Called where the error is shown to a person: displays why it failed, or gives the lines.
    describe: Callable[[], list[str]] | None = None

    def _render_traceback_(self) -> list[str]:
        lines = self.describe() if self.describe is not None else []
        return [*lines, *RunError._render_traceback_(self)]


class ExecutionCancelled(RunError):
    """An execution was cancelled."""


class EnvironmentGone(RunError):
    """The interpreter, kernelspec or folder that a flow was registered with is gone."""


class EngineError(FlowkernelError):
    """The engine does not answer or has an internal error."""


class EngineUnreachable(EngineError):
    """The engine does not answer, and could not be started."""


class EngineStopped(EngineUnreachable):
    """A person stopped the engine: workers and flows do not start it again."""

    def __init__(self, home: str) -> None:
        super().__init__(
            f"The engine of {home!r} was stopped by `flowkernel engine stop`, and with it "
            "what ran. `flowkernel engine start` starts it again."
        )


class EngineBusy(EngineError):
    """The engine has no room for the request just now: send it again a little later."""


class EngineFault(EngineError):
    """An internal error of the engine; `log/engine.log` in the home has the details."""


class HomeNotWritable(EngineError):
    """The home cannot be written to."""


class DiskFull(EngineError):
    """The disk of the home is full: nothing was recorded. Reading still works."""


class Unauthorized(EngineError):
    """The token is missing or wrong.

    `is_made`: it looks like one that an engine makes for workers and executions.
    """

    def __init__(self, *, is_made: bool = False) -> None:
        reason = (
            "This token of a worker or a run is not valid here: the file `token-key` of the "
            "home was made again, or it is of another home. Start the run again."
        )
        person = "The token is missing or wrong. `engine.json` in the home has the right one."
        super().__init__(reason if is_made else person)


def all_errors() -> dict[str, type[FlowkernelError]]:
    """Every class of the tree by its name, which is its code over REST."""
    by_name: dict[str, type[FlowkernelError]] = {}
    todo: list[type[FlowkernelError]] = [FlowkernelError]
    while todo:
        cls = todo.pop()
        by_name[cls.__name__] = cls
        todo += cls.__subclasses__()
    return by_name


def from_code(code: str, message: str) -> FlowkernelError:
    """The error for an engine's `{code, message}`; `EngineFault` for an unknown code."""
    cls = all_errors().get(code, EngineFault)
    error = cls.__new__(cls)  # `message` is the whole sentence: skip `__init__`.
    Exception.__init__(error, message)
    error.is_answer = True
    return error
