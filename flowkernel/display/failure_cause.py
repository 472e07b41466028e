"""Which child made an execution fail. Pure."""

from collections.abc import Iterable

from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus

S = ExecutionStatus
#: Of a parent: the error that says that a child failed.
BY_CHILD = "DependencyFailedError"


def failed_child(
    execution: Execution, children: Iterable[Execution]
) -> Execution | None:
    """The child that made it fail; None if it failed by itself. Pure.

    One that its error names, or else the last one that did not succeed: a flow may go on after
    the failure of another child.
    """
    error = execution.error
    is_by_child = error is not None and error.name == BY_CHILD
    if not (is_by_child or execution.failed_for_another):
        return None
    failed = [
        child
        for child in children
        if child.status in (S.ENDED_ERROR, S.ENDED_CANCELLED) or child.is_failed
    ]
    text = error.message if error is not None else ""
    candidates = [child for child in failed if repr(child.name) in text] or failed
    candidates.sort(key=lambda child: child.ended_at or child.created_at)
    return candidates[-1] if candidates else None
