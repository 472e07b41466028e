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
    """The child that made it fail; None if it failed by itself, or has not failed. Pure.

    What it says of its end tells: it names the child, or repeats what the child says, as a
    wrapper does. So the rows of a tree are enough, which lack the errors. Of several it is the
    last one: a flow may go on after the failure of another child.
    """
    if not has_failed(execution):
        return None
    failed = [c for c in children if has_failed(c) or c.status is S.ENDED_CANCELLED]
    failed.sort(key=lambda child: child.ended_at or child.created_at)
    text = execution.status_message or ""
    repeated = [c for c in failed if c.status_message and c.status_message in text]
    if BY_CHILD not in text:
        return repeated[-1] if repeated else None
    candidates = [c for c in failed if repr(c.name) in text] or repeated or failed
    return candidates[-1] if candidates else None


def has_failed(execution: Execution) -> bool:
    """Whether it ended by a failure, or waits for a decision on one.

    By what the rows of a tree have: a paused execution whose kernel is parked has failed.
    """
    is_parked = execution.status is S.PAUSED and execution.parked_at is not None
    return execution.status is S.ENDED_ERROR or execution.is_failed or is_parked
