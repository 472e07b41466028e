"""What a worker has to do. Pure.

Orders are not sent but derived, each time a worker asks, from what is on disk and from what
it says it holds: an answer that got lost costs nothing.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from flowkernel.core.models import Decision, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import is_external

S = ExecutionStatus
A = RequestedAction


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHoldings:
    """What a worker says it has."""

    worker_id: str
    holding: Set[str]  #: The executions it carries out, without those that are over.
    paused: Set[str]  #: Of these, the ones that stand still.


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """What follows for one worker; but for `start` and `stop`, ids of executions it holds."""

    start: list[Execution]
    cancel: list[str]
    pause: list[str]
    resume: list[str]
    decisions: dict[str, Decision | None]  #: On those that stand still.
    drop: list[str]  #: Somebody else's by now, or nobody's.
    stop: bool

    @property
    def is_something(self) -> bool:
        """Whether there is anything to do. Decisions come with what is resumed."""
        asked = (self.start, self.cancel, self.pause, self.resume, self.drop)
        return self.stop or any(asked)


def orders(
    live: Iterable[Execution],
    held: WorkerHoldings,
    *,
    is_stopping: bool,
    is_homeless: bool,
) -> Assignments:
    """What follows for a worker from what is on disk and from what it holds.

    Args:
        live: What has not ended.
        is_stopping: The engine goes, and its workers with it.
        is_homeless: The home is gone: nothing can be recorded any more.
    """
    mine = {
        execution.execution_id: execution
        for execution in live
        if execution.worker == held.worker_id and execution.status is not S.QUEUED
    }
    known = {key: mine[key] for key in held.holding if key in mine}
    still = {key: mine[key] for key in held.paused if key in mine}
    return Assignments(
        start=[e for e in mine.values() if _is_to_start(e, held)],
        cancel=[key for key, e in known.items() if e.requested_action is A.CANCEL],
        pause=[
            key
            for key, e in known.items()
            if e.requested_action is A.PAUSE and key not in still
        ],
        resume=[key for key, e in still.items() if _goes_on(e)],
        decisions={key: e.decision for key, e in still.items()},
        drop=[key for key in held.holding if is_homeless or key not in mine],
        stop=is_stopping,
    )


def _is_to_start(execution: Execution, held: WorkerHoldings) -> bool:
    """Whether it was given to this worker, which does not have it yet."""
    is_given = execution.status is S.RUNNING and not is_external(held.worker_id)
    return is_given and execution.execution_id not in held.holding


def _goes_on(execution: Execution) -> bool:
    """Whether one that stands still has its slot back, and nobody wants it to pause."""
    return execution.status is S.RUNNING and execution.requested_action is not A.PAUSE
