"""The inputs of a start: checked against the signature of the version that will run."""

from dataclasses import dataclass

from flowkernel.core.models import Execution, Json
from flowkernel.engine.start_plan import StartPlan, StartRequest, WrapperPlan
from flowkernel.forms.input_check import CHECKS, CheckedInputs, PassedInputs
from flowkernel.store import Store


@dataclass(frozen=True, slots=True)
class EarlierInputs:
    """The inputs of what is run again, and of which version."""

    flow_version: str
    values: dict[str, Json]
    defaults: dict[str, Json] | None = None

    @classmethod
    def of(cls, execution: Execution) -> "EarlierInputs":
        """Those of an execution; of a wrapper, those of what it runs."""
        wrapped = execution.wrapped
        if wrapped is not None:
            return cls(wrapped.flow_version, wrapped.inputs)
        return cls(execution.flow_version, execution.inputs, execution.defaults)


def checked_inputs(
    store: Store, request: StartRequest, plan: StartPlan, values: dict[str, Json]
) -> CheckedInputs:
    """The inputs as they are recorded.

    What is run again unchanged is not refused, and keeps the defaults that it had. A person's
    own papermill warns of unknown names itself. The parameters of a wrapper are checked where
    it is named.

    Args:
        plan: Without the wrappers of the request.

    Raises:
        BadInputs: Names everything that is wrong.
    """
    if isinstance(plan, WrapperPlan):
        return CheckedInputs(values=values)
    check, earlier = CHECKS.of(plan.version), _earlier_inputs(store, request)
    is_same_version = (
        earlier is not None and earlier.flow_version == plan.version.flow_version
    )
    is_same = earlier is not None and is_same_version and earlier.values == values
    if is_same or request.worker is not None:
        result = CheckedInputs(
            values=values,
            defaults=check.defaults(values) if check.signature else None,
        )
    else:
        inputs = PassedInputs(
            values=values,
            texts=request.texts,
            allowed_names=frozenset(earlier.values if earlier else ()),
            allow_extra=request.allow_extra,
        )
        result = check.check(plan.flow_name, inputs)
    if earlier is None or not is_same_version:
        return result
    return result.with_earlier(earlier.defaults)


def _earlier_inputs(store: Store, request: StartRequest) -> EarlierInputs | None:
    """Those of the execution that a request runs again, or runs for the first time."""
    model_id = request.retry_of or request.clone_of or request.wrapped_of
    return EarlierInputs.of(store.get_execution(model_id)) if model_id else None
