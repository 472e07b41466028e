"""Whether a caller may act now, and on which executions."""

from dataclasses import replace

from flowkernel.core.errors import AttemptIsOver, ExecutionNotFound, NotAllowed
from flowkernel.core.models import Execution
from flowkernel.engine.callers import Caller, ExecutionCaller
from flowkernel.engine.child_calls import tries_of
from flowkernel.engine.start_plan import StartRequest
from flowkernel.store import Store


def is_over(store: Store, caller: Caller) -> bool:
    """Whether the caller is an execution that has ended, or whose attempt is over."""
    if not isinstance(caller, ExecutionCaller):
        return False
    execution = store.live.get(caller.execution_id)
    return execution is None or execution.attempt != caller.attempt


def check_caller(store: Store, caller: Caller | None) -> None:
    """Refuse an execution that has ended, or whose attempt is over.

    Args:
        caller: None: the engine itself.

    Raises:
        AttemptIsOver: Nothing that it sends counts any more.
    """
    if isinstance(caller, ExecutionCaller) and is_over(store, caller):
        raise _over(store, caller)


def _over(store: Store, caller: ExecutionCaller) -> AttemptIsOver:
    execution = store.find_execution(caller.execution_id)
    if execution is None:  # It was deleted.
        return AttemptIsOver(caller.execution_id, caller.attempt, None)
    current = None if execution.status.is_ended else execution.attempt
    return AttemptIsOver(execution.name, caller.attempt, current)


def check_itself(caller: Caller, execution_id: str, request: str) -> None:
    """Refuse an execution that acts as another one.

    Args:
        request: What was requested, for the sentence.

    Raises:
        NotAllowed: It is another one.
    """
    if isinstance(caller, ExecutionCaller) and caller.execution_id != execution_id:
        raise NotAllowed(caller.actor(), f"{request} for {execution_id!r}")


def as_caller(request: StartRequest, caller: Caller) -> StartRequest:
    """The request with who is recorded. What an execution starts is its child.

    Raises:
        NotAllowed: An execution names another one as the parent.
    """
    request = replace(request, started_by=caller.actor(request.started_by))
    if not isinstance(caller, ExecutionCaller):
        return request
    parent_id = request.parent_id or caller.execution_id
    check_itself(caller, parent_id, "POST /execution")
    return replace(request, parent_id=parent_id)


def check_below(
    store: Store, caller: ExecutionCaller, execution_id: str, request: str
) -> None:
    """Refuse an execution that is not the caller, and nothing that it started.

    What earlier tries of the caller started counts as its own: a retry takes it over.

    Args:
        request: What was requested, for the sentence.

    Raises:
        ExecutionNotFound: There is no such execution.
        NotAllowed: It is not the caller's.
    """
    if execution_id == caller.execution_id:
        return
    target, self_ = _get(store, execution_id), _get(store, caller.execution_id)
    own_ids = {execution.execution_id for execution in tries_of(store, self_)}
    if not own_ids & {parent.execution_id for parent in store.ancestors(execution_id)}:
        raise NotAllowed(caller.actor(), f"{request} of {target.name!r}")


def _get(store: Store, execution_id: str) -> Execution:
    execution = store.find_execution(execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    return execution
