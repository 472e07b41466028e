"""The statuses of executions, cell runs and messages, and which changes are allowed."""

from collections.abc import Mapping, Set
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """The status of an execution. These values are stored and sent over REST."""

    PENDING = "PENDING"  #: Only recorded: its start was not requested.
    QUEUED = "QUEUED"  #: It has no slot, or no worker, yet.
    RUNNING = "RUNNING"  #: A kernel executes its cells.
    WAITING = "WAITING"  #: For a child, an answer or a moment. It has no slot.
    PAUSED = "PAUSED"  #: On request, or after a failure until it is decided.
    ENDED_SUCCESS = "ENDED_SUCCESS"  #: Ended. Every cell ran, or the flow said so.
    ENDED_ERROR = "ENDED_ERROR"  #: Ended. The error is in `status_message`.
    #: Ended. Stopped on request, or with its parent.
    ENDED_CANCELLED = "ENDED_CANCELLED"

    @property
    def label(self) -> str:
        """The word that people see for it, `succeeded`; programs see the stored value."""
        return LABELS[self]

    @property
    def is_ended(self) -> bool:
        """Whether this status can no longer change."""
        return not MOVES[self]

    def can_become(self, other: "ExecutionStatus") -> bool:
        """Whether an execution with this status may get the status `other`."""
        return other in MOVES[self]


S = ExecutionStatus  # So that the tables read as one.
#: The words that people see, in trees, lists and sentences. Not stored.
LABELS: Mapping[S, str] = {
    S.PENDING: "not started",
    S.QUEUED: "queued",
    S.RUNNING: "running",
    S.WAITING: "waiting",
    S.PAUSED: "paused",
    S.ENDED_SUCCESS: "succeeded",
    S.ENDED_ERROR: "failed",
    S.ENDED_CANCELLED: "cancelled",
}
ENDED = frozenset({S.ENDED_SUCCESS, S.ENDED_ERROR, S.ENDED_CANCELLED})
MOVES: Mapping[S, Set[S]] = {
    S.PENDING: frozenset({S.QUEUED, S.ENDED_CANCELLED}),
    S.QUEUED: frozenset({S.RUNNING, S.PAUSED, S.ENDED_ERROR, S.ENDED_CANCELLED}),
    # QUEUED: its worker was lost.
    S.RUNNING: frozenset({S.WAITING, S.PAUSED, S.QUEUED}) | ENDED,
    S.WAITING: frozenset({S.RUNNING, S.PAUSED, S.QUEUED}) | ENDED,
    S.PAUSED: frozenset({S.RUNNING, S.QUEUED}) | ENDED,
    S.ENDED_SUCCESS: frozenset(),
    S.ENDED_ERROR: frozenset(),
    S.ENDED_CANCELLED: frozenset(),
}


class ExecutionType(StrEnum):
    """What is carried out: each type has its plan in the engine, its executor in a worker.

    Stored; `Execution.type` is text, for a later version may have others.
    """

    FLOW = "FLOW"  #: A cell or a notebook.
    SCRIPT = "SCRIPT"  #: A .py file.
    WRAPPER = "WRAPPER"  #: A flow that runs another one, and decides what follows.


class CellStatus(StrEnum):
    """How one run of one cell went, as its kernel reported it."""

    RUNNING = "RUNNING"  #: The kernel executes it.
    SUCCESS = "SUCCESS"  #: The kernel replied ok.
    EXITED = "EXITED"  #: It ended the flow itself: `this.success()`, `sys.exit(0)`.
    ERROR = "ERROR"  #: It raised.
    #: It raised, and its tag or the caller allows that.
    ALLOWED_ERROR = "ALLOWED_ERROR"
    TIMED_OUT = "TIMED_OUT"  #: It ran longer than the cell time limit.
    INTERRUPTED = "INTERRUPTED"  #: A cancel or a signal interrupted it.
    KERNEL_DIED = "KERNEL_DIED"  #: The kernel process ended before it replied.
    LOST = "LOST"  #: Its worker was lost before it reported the end.

    @property
    def label(self) -> str:
        """The words that people see for it: `timed out`; as for an execution, if it can be."""
        words = {CellStatus.SUCCESS: "succeeded", CellStatus.ERROR: "failed"}
        return words.get(self) or self.lower().replace("_", " ")


class MessageStatus(StrEnum):
    """The status of a message. Only that of an open one can change."""

    NOTE = "NOTE"  #: It needs no answer.
    OPEN = "OPEN"  #: It waits for an answer.
    ANSWERED = "ANSWERED"  #: It has its one answer.
    TIMED_OUT = "TIMED_OUT"  #: There was no answer in time.
    CLOSED = "CLOSED"  #: The answer is no longer needed; `closed_why` says why.

    @property
    def label(self) -> str:
        """The words that people see for it: `timed out`."""
        return self.lower().replace("_", " ")


class RetrySource(StrEnum):
    """Which source a retry runs."""

    RECORDED = "recorded"  #: That of the first try.
    #: That which the flow, or its file, has now.
    CURRENT = "current"


class ReturnWhen(StrEnum):
    """When a wait for several executions ends."""

    ALL_ENDED = "ALL_ENDED"  #: All have ended, however they ended.
    ALL_SUCCEEDED = "ALL_SUCCEEDED"  #: All succeeded, or one can no longer succeed.
    FIRST_ENDED = "FIRST_ENDED"  #: One has ended, however it ended.
    FIRST_SUCCEEDED = "FIRST_SUCCEEDED"  #: One succeeded, or none can. Our extension.

    def is_settled(self, statuses: list[ExecutionStatus]) -> bool:
        """Whether a wait for executions with these statuses is over."""
        ended = [status for status in statuses if status in ENDED]
        succeeded = [status for status in ended if status is S.ENDED_SUCCESS]
        if len(ended) == len(statuses):
            return True
        match self:
            case ReturnWhen.ALL_ENDED:
                return False
            case ReturnWhen.ALL_SUCCEEDED:
                return len(succeeded) < len(ended)
            case ReturnWhen.FIRST_ENDED:
                return bool(ended)
            case ReturnWhen.FIRST_SUCCEEDED:
                return bool(succeeded)
