"""The inputs that a person entered in a prompt, checked before the answer counts."""

from flowkernel.core.errors import BadAnswer, BadInputs, RequestError
from flowkernel.core.models import DecisionVerb, Execution, Json, Message
from flowkernel.engine.prompts.input_fields import INPUT
from flowkernel.engine.service import Service
from flowkernel.engine.start_inputs import EarlierInputs, checked_inputs
from flowkernel.engine.start_plan import (
    StartRequest,
    WrapperPlan,
    plan_without_wrappers,
)
from flowkernel.forms.base_field import is_empty
from flowkernel.forms.input_check import CHECKS, NO_CHECK, InputCheck
from flowkernel.store import Store


def with_checked_inputs(
    service: Service, message: Message, response: dict[str, Json]
) -> dict[str, Json]:
    """The response with its inputs as the flow takes them.

    Raises:
        BadAnswer: They do not fit what the flow declares. The message stays open.
    """
    if message.about_id is None or not response.get(DecisionVerb.RETRY_WITH_INPUTS):
        return response
    failed = service.store.get_execution(message.about_id)
    earlier = EarlierInputs.of(failed).values
    response = {k: v for k, v in response.items() if not _stays_empty(k, v, earlier)}
    names = [name for name in response if name.startswith(INPUT)]
    entered = {name.removeprefix(INPUT): response[name] for name in names}
    values = {**earlier, **entered}
    request = _next_try(failed)
    try:
        plan = plan_without_wrappers(service.store, request)
        checked = checked_inputs(service.store, request, plan, values)
    except BadInputs as error:
        raise BadAnswer(str(error)) from error
    except RequestError:  # Such as a flow that was deleted: the next try says it.
        return response
    return response | {INPUT + name: checked.values[name] for name in entered}


def _stays_empty(name: str, value: Json, earlier: dict[str, Json]) -> bool:
    """Whether a field is that of a parameter which got no value, neither now nor before."""
    is_input = name.startswith(INPUT)
    return is_input and is_empty(value) and name.removeprefix(INPUT) not in earlier


def next_check(store: Store, failed: Execution) -> InputCheck:
    """The check of what runs if a failed execution is started again.

    That is the corrected source, if the flow was registered again.
    """
    try:
        plan = plan_without_wrappers(store, _next_try(failed))
    except RequestError:  # The flow was deleted, or is a wrapper now.
        return NO_CHECK
    return NO_CHECK if isinstance(plan, WrapperPlan) else CHECKS.of(plan.version)


def _next_try(failed: Execution) -> StartRequest:
    wrapper_id = failed.current_parent_id
    return StartRequest(wrapped_of=wrapper_id, retry_of=failed.execution_id)
