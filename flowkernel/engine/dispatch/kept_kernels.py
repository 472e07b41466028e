"""The kernels of runs that have ended, which their workers keep for people."""

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime, timedelta

from flowkernel.core.models import Execution
from flowkernel.engine.execution_verbs import released_event
from flowkernel.store import Batch, Commit

WORKER_LOST = "Its worker was lost, and its kernel with it."
TIME_OVER = "The time for which it was kept is over."
#: After that time its worker has said that it released the kernel, if it still had it.
OVERTIME = timedelta(minutes=1)


class KeptKernels:
    """Which runs keep their kernel, as recorded. Used in the event loop of the engine only."""

    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}

    def __len__(self) -> int:
        return len(self._executions)

    @property
    def executions(self) -> list[Execution]:
        """The runs."""
        return list(self._executions.values())

    def open(self, executions: Iterable[Execution]) -> None:
        """Begin with those that the engine before has recorded."""
        self._executions = {e.execution_id: e for e in executions}

    def follow(self, commit: Commit) -> None:
        """Follow what was committed."""
        for execution_id, execution in commit.changed.items():
            if execution.is_kept:
                self._executions[execution_id] = execution
            else:
                self._executions.pop(execution_id, None)
        if commit.removed:
            self._forget(commit.removed)

    def _forget(self, ids: Set[str]) -> None:
        """Forget what was deleted: by ids of roots, and of executions."""
        self._executions = {
            execution_id: execution
            for execution_id, execution in self._executions.items()
            if not ids & {execution_id, execution.root_id}
        }

    def to_release(self, worker_id: str, attempts: Mapping[str, int]) -> list[str]:
        """The ids of those whose kernels a worker is to keep no longer.

        Args:
            attempts: What it keeps, by id: which attempt that was.
        """
        return [
            execution_id
            for execution_id, attempt in attempts.items()
            if not self._has(execution_id, worker_id, attempt)
        ]

    def _has(self, execution_id: str, worker_id: str, attempt: int) -> bool:
        execution = self._executions.get(execution_id)
        recorded = execution and (execution.worker, execution.attempt)
        return recorded == (worker_id, attempt)

    def lost(
        self, is_expected: Callable[[str], bool], moment: datetime
    ) -> list[tuple[Execution, str]]:
        """Those whose worker is gone, or has not said that their time is over; and why.

        Args:
            is_expected: Whether a worker is there, or may still send its first request.
            moment: Now.
        """
        pairs = [
            (execution, _loss_reason(execution, is_expected, moment))
            for execution in self._executions.values()
        ]
        return [(execution, reason) for execution, reason in pairs if reason]


def _loss_reason(
    execution: Execution, is_expected: Callable[[str], bool], moment: datetime
) -> str:
    if not is_expected(execution.worker or ""):
        return WORKER_LOST
    until = execution.parked_until
    return TIME_OVER if until is not None and until + OVERTIME < moment else ""


def record_lost_kernels(losses: Iterable[tuple[Execution, str]], batch: Batch) -> None:
    """Record that their kernels are gone, and why. A verb of the writer."""
    for lost_execution, reason in losses:
        execution = batch.find_execution(lost_execution.execution_id)
        if execution is not None and execution.is_kept:
            batch.append_checked([released_event(execution, reason)])
