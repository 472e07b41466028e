"""Which source a retry runs: the one that is recorded, or the current one."""

from dataclasses import replace

from flowkernel.core.models import Environment, Wrapped
from flowkernel.core.status import RetrySource
from flowkernel.engine.start_plan import (
    StartPlan,
    StartRequest,
    WrapperPlan,
    plan_of_flow,
    plan_of_source,
    type_of,
)
from flowkernel.store import Store


def with_source(store: Store, request: StartRequest, plan: StartPlan) -> StartPlan:
    """The plan for what ran before, with the source that a retry requests.

    Raises:
        FlowNotFound: The current one is requested, and the flow has no registration.
    """
    wrapped = plan.wrapped if isinstance(plan, WrapperPlan) else None
    match request.retry_source:
        case RetrySource.CURRENT:
            name = (wrapped or plan).flow_name
            file = request.retry_file
            current = plan_of_source(file) if file else plan_of_flow(store, name)
            if wrapped is None or not isinstance(plan, WrapperPlan):
                environment = kept_environment(plan.environment, current.environment)
                return replace(current, wrappers=(), environment=environment)
            return replace(plan, wrapped=_rewrapped(store, wrapped, current))
        case RetrySource.RECORDED if isinstance(plan, WrapperPlan) and wrapped:
            return replace(plan, wrapped=replace(wrapped, flow=None))
        case _:
            return plan


def kept_environment(recorded: Environment, current: Environment) -> Environment:
    """Where the current source runs: in the kernel that was chosen, if one was."""
    return recorded if recorded.is_chosen else current


def _rewrapped(store: Store, wrapped: Wrapped, plan: StartPlan) -> Wrapped:
    """What a wrapper runs, with another source."""
    store.save_version(plan.version)
    return replace(
        wrapped,
        flow=plan.flow,
        flow_version=plan.version.flow_version,
        environment=kept_environment(wrapped.environment, plan.environment),
        on_lost=plan.on_lost,
        cell_timeout=plan.cell_timeout,
        type=type_of(plan),
    )
