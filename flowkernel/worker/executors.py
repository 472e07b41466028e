"""Which executor carries out which type of execution: the one place that knows.

A new type is one more line here, and one more plan in `engine/start_plan.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowkernel.config import Config
from flowkernel.core.errors import BadArgument
from flowkernel.core.status import ExecutionType
from flowkernel.version import __version__
from flowkernel.worker.assignment import Assignment
from flowkernel.worker.notebook_executor import NotebookExecutor
from flowkernel.worker.notebook_run import end_after_error
from flowkernel.worker.reporting.execution_session import ExecutionEnd


class Executor(Protocol):
    """Carries out the executions of a type."""

    def run(self, assignment: Assignment) -> None:
        """Carry it out, and report it; its end too, unless it raises."""

    def end_after(self, error: BaseException, assignment: Assignment) -> ExecutionEnd:
        """The end of one that raised `error` before it had another."""

    def no_parking_reason(self, config: Config) -> str | None:
        """Why the kernel of one that failed is not kept; None: it is kept."""


@dataclass(frozen=True, slots=True)
class NoExecutor:
    """Ends what is of a type that this version does not have."""

    type_name: str

    def run(self, assignment: Assignment) -> None:
        """Raise BadArgument."""
        name = assignment.execution.name
        raise BadArgument(
            f"{name!r} is of type {self.type_name}, which this worker (flowkernel "
            f"{__version__}) cannot run. Stop the engine and start it again."
        )

    def end_after(self, error: BaseException, assignment: Assignment) -> ExecutionEnd:
        """The end with that sentence."""
        return end_after_error(error, assignment.session)

    def no_parking_reason(self, config: Config) -> str | None:
        """It has no kernel."""
        return "It has no kernel."


EXECUTORS: Mapping[str, Executor] = {
    ExecutionType.FLOW: NotebookExecutor(),
    ExecutionType.SCRIPT: NotebookExecutor(),
    ExecutionType.WRAPPER: NotebookExecutor("The kernel of a wrapper is not kept."),
}


def executor_of(type_name: str) -> Executor:
    """What carries out executions of this type; the engine may be of a later version."""
    return EXECUTORS.get(type_name) or NoExecutor(type_name)
