"""Takes one execution from its assignment to its end."""

from logging import getLogger

from flowkernel.worker.assignment import Assignment
from flowkernel.worker.executors import Executor
from flowkernel.worker.notebook_run import end_after_error

log = getLogger(__name__)


def execute(executor: Executor, assignment: Assignment) -> None:
    """Carry it out. Reports everything, its end included; raises nothing."""
    session = assignment.session
    try:
        executor.run(assignment)
    except BaseException as error:
        if session.ending is None:
            session.end(executor.end_after(error, assignment))
        if not isinstance(error, Exception | KeyboardInterrupt):
            raise
    if session.ending is None and not session.is_dropped:
        log.error("%s came to no end", assignment.execution.execution_id)
        session.end(
            end_after_error(RuntimeError("the worker lost track of it"), session)
        )
