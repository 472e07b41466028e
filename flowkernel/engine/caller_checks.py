"""Whether a caller may act now, and on which executions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from flowkernel.core.errors import AttemptIsOver, ExecutionNotFound, NotAllowed
from flowkernel.core.models import Event, Execution, Json
from flowkernel.engine.callers import Caller, ExecutionCaller, PersonCaller
from flowkernel.engine.child_calls import tries_of
from flowkernel.engine.start_plan import StartRequest
from flowkernel.store import Batch, Store, checked_event

T = TypeVar("T")


class FindsExecutions(Protocol):
    """The store; or the batch, where it is decided what is written."""

    def find_execution(self, execution_id: str, /) -> Execution | None:
        """One execution; None if there is none."""


def is_over(live: Mapping[str, Execution], caller: Caller) -> bool:
    """Whether the caller is an execution that has ended, or whose attempt is over.

    Args:
        live: What has not ended, by id. It is in memory: the event loop does not wait.
    """
    if not isinstance(caller, ExecutionCaller):
        return False
    execution = live.get(caller.execution_id)
    return execution is None or _is_over(execution, caller)


def _is_over(execution: Execution, caller: ExecutionCaller) -> bool:
    return execution.status.is_ended or execution.attempt != caller.attempt


def check_caller(records: FindsExecutions, caller: Caller | None) -> None:
    """Refuse an execution that has ended, or whose attempt is over.

    Args:
        records: The batch, before something is written; the store, to refuse early.
        caller: None: the engine itself.

    Raises:
        AttemptIsOver: Nothing that it sends counts any more.
    """
    if not isinstance(caller, ExecutionCaller):
        return
    execution = records.find_execution(caller.execution_id)
    if execution is None:  # It was deleted.
        raise AttemptIsOver(caller.execution_id, caller.attempt, None)
    if _is_over(execution, caller):
        current = None if execution.status.is_ended else execution.attempt
        raise AttemptIsOver(execution.name, caller.attempt, current)


def append_as(
    store: Store, caller: Caller | None, events: list[Event], *, strict: bool = True
) -> list[Event]:
    """Record what a caller says, if its attempt is not over when it is written.

    Args:
        strict: Whether a refused event refuses all of them. If not, it is skipped.

    Raises:
        AttemptIsOver, MoveNotAllowed, BadArgument: Nothing was recorded.
    """
    checked = [checked_event(event) for event in events]
    return decide_as(
        store, caller, partial(Batch.append, events=checked, strict=strict)
    )


def decide_as(store: Store, caller: Caller | None, decide: Callable[[Batch], T]) -> T:
    """Have something decided for a caller, if its attempt is not over at that moment.

    Raises:
        AttemptIsOver: Nothing was decided. Or what `decide` raises: see `Store.decide`.
    """

    def checked(batch: Batch) -> T:
        check_caller(batch, caller)
        return decide(batch)

    return store.decide(checked)


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

    It is interactive or attended if the parent is: an execution does not know whether a
    person is there.

    Raises:
        NotAllowed: An execution names another one as the parent.
    """
    request = replace(request, started_by=caller.actor(request.started_by))
    check_environ(caller, request.environ)
    if not isinstance(caller, ExecutionCaller):
        return request
    parent_id = request.parent_id or caller.execution_id
    check_itself(caller, parent_id, "POST /execution")
    return replace(request, parent_id=parent_id, is_interactive=False, is_attended=None)


def check_environ(caller: Caller, environ: Json) -> None:
    """Refuse environment variables that no person sends: children see those of their root.

    Raises:
        NotAllowed: An execution sends some.
    """
    if environ is not None and not isinstance(caller, PersonCaller):
        raise NotAllowed(caller.actor(), "a start with `environ`")


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
