"""The kernels of runs that have ended, which their workers keep for people."""

from collections.abc import Callable, Iterable, Mapping, Set

from flowkernel.core.models import Execution
from flowkernel.engine.execution_verbs import released_event
from flowkernel.store import Batch, Commit

WORKER_LOST = "Its worker was lost, and its kernel with it."


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

    def orphans(self, is_expected: Callable[[str], bool]) -> list[Execution]:
        """Those whose worker is gone, and the kernel with it.

        Args:
            is_expected: Whether a worker is there, or may still send its first request.
        """
        return [
            execution
            for execution in self._executions.values()
            if not is_expected(execution.worker or "")
        ]


def record_lost_kernels(orphans: Iterable[Execution], batch: Batch) -> None:
    """Record that their kernels are gone with their workers. A verb of the writer."""
    for orphan in orphans:
        execution = batch.find_execution(orphan.execution_id)
        if execution is not None and execution.is_kept:
            batch.append_checked([released_event(execution, WORKER_LOST)])
