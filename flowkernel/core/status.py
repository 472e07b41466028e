"""Where an execution or a cell run stands, and the moves that are allowed."""

from collections.abc import Mapping, Set
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """Where an execution stands. These values are stored and sent to the browser."""

    PENDING = "PENDING"  #: Recorded; nobody has asked for it to start.
    QUEUED = "QUEUED"  #: To be started; no worker has it yet.
    RUNNING = "RUNNING"  #: A kernel is executing its cells.
    WAITING = "WAITING"  #: For a child, a response, a lock or a moment. Holds no slot.
    PAUSED = "PAUSED"  #: By request, or by a failure that someone may still mend.
    ENDED_SUCCESS = "ENDED_SUCCESS"  #: Ended. Every cell ran, or it said so itself.
    ENDED_ERROR = "ENDED_ERROR"  #: Ended. The error is in `status_message`.
    #: Ended. Stopped on request, or with its parent.
    ENDED_CANCELLED = "ENDED_CANCELLED"

    @property
    def label(self) -> str:
        """The word that people see for it, `succeeded`; programs see the stored value."""
        return LABELS[self]

    @property
    def is_ended(self) -> bool:
        """Whether this status cannot be left."""
        return not MOVES[self]

    def can_become(self, other: "ExecutionStatus") -> bool:
        """Whether an execution that stands here may move to `other`."""
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
    S.RUNNING: frozenset({S.WAITING, S.PAUSED, S.QUEUED})
    | ENDED,  # QUEUED: worker lost.
    S.WAITING: frozenset({S.RUNNING, S.PAUSED, S.QUEUED}) | ENDED,
    S.PAUSED: frozenset({S.RUNNING, S.QUEUED}) | ENDED,
    S.ENDED_SUCCESS: frozenset(),
    S.ENDED_ERROR: frozenset(),
    S.ENDED_CANCELLED: frozenset(),
}


class CellStatus(StrEnum):
    """How one carrying out of one cell went. Taken from what the kernel said."""

    RUNNING = "RUNNING"  #: The kernel is executing it.
    SUCCESS = "SUCCESS"  #: The kernel replied ok.
    EXITED = "EXITED"  #: It ended the flow itself: `this.success()`, `sys.exit(0)`.
    ERROR = "ERROR"  #: It raised.
    #: It raised, and its tag or the caller allows that.
    ALLOWED_ERROR = "ALLOWED_ERROR"
    TIMED_OUT = "TIMED_OUT"  #: It ran longer than the cell time limit.
    INTERRUPTED = "INTERRUPTED"  #: It was interrupted, by a cancel or by a signal.
    KERNEL_DIED = "KERNEL_DIED"  #: The kernel process was gone before it replied.
    LOST = "LOST"  #: Its worker was gone before it said how the cell ended.

    @property
    def label(self) -> str:
        """The words that people see for it: `timed out`."""
        return self.lower().replace("_", " ")


class MessageStatus(StrEnum):
    """Where a message stands. Only an open one can still become something else."""

    NOTE = "NOTE"  #: It asks for nothing.
    OPEN = "OPEN"  #: It waits for an answer.
    ANSWERED = "ANSWERED"  #: Somebody answered, once and for all.
    TIMED_OUT = "TIMED_OUT"  #: Nobody answered in time.
    CLOSED = "CLOSED"  #: Nobody needs the answer any more; `closed_why` says why.

    @property
    def label(self) -> str:
        """The words that people see for it: `timed out`."""
        return self.lower().replace("_", " ")


class ReturnWhen(StrEnum):
    """When a wait for several executions is over."""

    ALL_ENDED = "ALL_ENDED"  #: All have ended, however they ended.
    ALL_SUCCEEDED = "ALL_SUCCEEDED"  #: All succeeded, or one can no longer succeed.
    FIRST_ENDED = "FIRST_ENDED"  #: One has ended, however it ended.
    FIRST_SUCCEEDED = "FIRST_SUCCEEDED"  #: One succeeded, or none can. Our extension.

    def is_settled(self, statuses: list[ExecutionStatus]) -> bool:
        """Whether waiting for executions that stand at `statuses` is over."""
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
