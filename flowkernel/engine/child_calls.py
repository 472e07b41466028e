"""The calls of a parent: which child a call has already, from this try or an earlier one."""

from dataclasses import replace

from flowkernel.core.models import Execution, Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.start_plan import StartPlan, StartRequest
from flowkernel.store import Store

S = ExecutionStatus


def child_of_call(
    store: Store,
    parent: Execution,
    request: StartRequest,
    plan: StartPlan,
    inputs: Json,
) -> Execution | None:
    """The child of the same call, from this try of the parent or an earlier one.

    A call with other inputs is another one; but for what a wrapper runs, which may get
    other inputs in a retry.
    """
    if request.call_key is None:
        return None
    is_wrapped = request.wrapped_of is not None
    content = (plan.flow_name, inputs, plan.wrapped)
    children = [
        child
        for child in store.call_children(tries_of(store, parent), request.call_key)
        if is_wrapped or (child.flow_name, child.inputs, child.wrapped) == content
    ]
    return _child_among(children, parent, request)


def _child_among(
    children: list[Execution], parent: Execution, request: StartRequest
) -> Execution | None:
    is_wrapped = request.wrapped_of is not None
    own = [child for child in children if child.parent_id == parent.execution_id]
    if own and parent.losses and is_wrapped and request.retry_of is None:
        return own[-1]  # The wrapper continues from how the last try ended.
    if is_wrapped and request.retry_of is not None:
        retries = [child for child in own if child.retry_of == request.retry_of]
        return retries[-1] if retries else None
    succeeded = [child for child in children if child.status is S.ENDED_SUCCESS]
    live = [child for child in own if not child.status.is_ended]
    return next(iter(succeeded + live), None)


def as_next_try(store: Store, parent: Execution, request: StartRequest) -> StartRequest:
    """The request; what a wrapper starts is a retry of what it started before."""
    if request.wrapped_of is None or request.retry_of is not None:
        return request
    tries = store.call_children([parent], request.call_key or "")
    return replace(request, retry_of=tries[-1].execution_id) if tries else request


def tries_of(store: Store, execution: Execution) -> list[Execution]:
    """It and the executions that it retries, the newest first."""
    tries = [execution]
    while tries[-1].retry_of is not None:
        previous = store.find_execution(tries[-1].retry_of)
        if previous is None:  # It was deleted.
            break
        tries.append(previous)
    return tries
