"""The inputs that a person entered in a prompt, checked before the answer counts."""

from flowkernel.core.errors import BadAnswer, BadInputs
from flowkernel.core.models import DecisionVerb, Execution, Json, Message
from flowkernel.engine.prompts.failure_prompt import INPUT
from flowkernel.engine.service import Service
from flowkernel.engine.start_inputs import EarlierInputs, checked_inputs
from flowkernel.engine.start_plan import StartPlan, StartRequest, plan_without_wrappers
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
    names = [name for name in response if name.startswith(INPUT)]
    entered = {name.removeprefix(INPUT): response[name] for name in names}
    values = {**EarlierInputs.of(failed).values, **entered}
    request = _next_try(failed)
    try:
        plan = plan_without_wrappers(service.store, request)
        checked = checked_inputs(service.store, request, plan, values)
    except BadInputs as error:
        raise BadAnswer(str(error)) from error
    return response | {INPUT + name: checked.values[name] for name in entered}


def next_plan(store: Store, failed: Execution) -> StartPlan:
    """What runs if a failed execution is started again: a corrected source, if there is one."""
    return plan_without_wrappers(store, _next_try(failed))


def _next_try(failed: Execution) -> StartRequest:
    return StartRequest(wrapped_of=failed.parent_id, retry_of=failed.execution_id)
