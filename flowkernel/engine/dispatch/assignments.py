"""What a worker has to do. Pure.

Assignments are not sent but derived, each time a worker polls, from what is on disk and from
what it says that it holds: a lost response does no harm.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from flowkernel.core.models import (
    Decision,
    Execution,
    FlowVersion,
    Json,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.slots import is_external

S = ExecutionStatus
A = RequestedAction
Attempt = tuple[str, int]  #: The id of an execution, and the number of its attempt.


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHoldings:
    """What a worker says that it has."""

    worker_id: str
    #: The executions it carries out, without those that have ended; and which attempt at each.
    holding: Mapping[str, int]
    paused: Set[str]  #: Those of them that are paused.
    #: What it has said at some time that it carries out.
    attempts: Set[Attempt] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments:
    """What one worker has to do; `cancel` to `drop` are ids of executions that it holds."""

    start: list[Execution]
    cancel: list[str]
    pause: list[str]
    resume: list[str]
    decisions: dict[str, Decision | None]  #: On those that are paused.
    #: They have ended, or what it has of them is an attempt that is over.
    drop: list[str]
    stop: bool
    #: Ids of those that have ended: their kernels are to be kept no longer.
    release: list[str] = field(default_factory=list)

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do. Decisions alone are nothing to do."""
        parts = (self.start, self.cancel, self.pause, self.resume, self.drop)
        return self.stop or any(parts) or bool(self.release)

    def to_json(self, version_of: Callable[[str], FlowVersion]) -> Json:
        """As JSON: what is to be started comes with its source."""
        decisions = {
            execution_id: decision and decision.to_json()
            for execution_id, decision in self.decisions.items()
        }
        starts = [
            {"execution": e.to_json(), "version": version_of(e.flow_version).to_json()}
            for e in self.start
        ]
        return {
            "start": starts,
            "cancel": self.cancel,
            "pause": self.pause,
            "resume": self.resume,
            "decisions": decisions,
            "drop": self.drop,
            "release": self.release,
            "stop": self.stop,
        }


def with_variable_names(live: Mapping[str, Execution], reply: Json) -> Json:
    """The reply to a poll; an assignment names the environment variables, if that is known.

    A child's record leaves this to its root. Its worker needs the names for a sentence.
    """
    for assignment in reply["start"]:
        record = assignment["execution"]
        root = live.get(record["root_id"])
        if record.get("variables") and root is not None and root.variables is not None:
            record["variables"] = {
                **record["variables"],
                "names": root.variables.names,
            }
    return reply


def plan_assignments(
    live: Iterable[Execution],
    holdings: WorkerHoldings,
    *,
    is_stopping: bool,
    is_homeless: bool,
) -> Assignments:
    """What a worker has to do, by what is on disk and by what it holds.

    Args:
        live: The executions that have not ended.
        is_stopping: The engine stops, and its workers with it.
        is_homeless: The home is gone: nothing can be recorded.
    """
    own = {
        execution.execution_id: execution
        for execution in live
        if execution.worker == holdings.worker_id and execution.status is not S.QUEUED
    }
    running = {key: e for key, e in own.items() if _holds(holdings, e)}
    paused = {key: e for key, e in running.items() if key in holdings.paused}
    return Assignments(
        start=[execution for execution in own.values() if _starts(execution, holdings)],
        cancel=_requested(A.CANCEL, running),
        pause=[key for key in _requested(A.PAUSE, running) if key not in paused],
        resume=[key for key, execution in paused.items() if _goes_on(execution)],
        decisions={key: execution.decision for key, execution in paused.items()},
        drop=[key for key in holdings.holding if is_homeless or key not in running],
        stop=is_stopping,
    )


def find_dropped(
    live: Iterable[Execution], holdings: WorkerHoldings
) -> list[Execution]:
    """What a worker carried out, and has no longer, though its end is not on disk.

    Given again without counting, it could run for ever. It is lost, as with its worker.
    """
    return [
        execution
        for execution in live
        if execution.worker == holdings.worker_id
        and execution.status in (S.RUNNING, S.WAITING)
        and not is_external(holdings.worker_id)
        and _has_dropped(execution, holdings)
    ]


def attempt_of(execution: Execution) -> Attempt:
    """Which attempt at which execution it is at."""
    return execution.execution_id, execution.attempt


def _holds(holdings: WorkerHoldings, execution: Execution) -> bool:
    """Whether a worker has the attempt that is under way."""
    return holdings.holding.get(execution.execution_id) == execution.attempt


def _has_dropped(execution: Execution, holdings: WorkerHoldings) -> bool:
    is_listed = execution.execution_id in holdings.holding
    return not is_listed and attempt_of(execution) in holdings.attempts


def _requested(action: A, executions: Mapping[str, Execution]) -> list[str]:
    return [key for key, e in executions.items() if e.requested_action is action]


def _starts(execution: Execution, holdings: WorkerHoldings) -> bool:
    """Whether it was assigned to this worker, which has no attempt at it yet, or any more."""
    is_assigned = execution.status is S.RUNNING and not is_external(holdings.worker_id)
    is_held = execution.execution_id in holdings.holding
    return is_assigned and not is_held and not _has_dropped(execution, holdings)


def _goes_on(execution: Execution) -> bool:
    """Whether a paused one has its slot again, and no pause is requested."""
    is_running = execution.status is S.RUNNING
    return is_running and execution.requested_action is not A.PAUSE
