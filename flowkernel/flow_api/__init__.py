"""`import flow_api` in a flow: `System`, `Execution`, `return_when`, and the exceptions.

In a flow's kernel `system`, `this` and `inputs` are ready, without an import. The names are
those of the documentation of Cloudomation's flow API; where that is not public, they are ours.
Example::

    import flow_api

    def handler(system: flow_api.System, this: flow_api.Execution, inputs: dict):
        child = this.flow("fetch", day=inputs["day"])
        this.set_output(rows=child.output["rows"])
        return this.success("all done")
"""

import builtins
import warnings
from collections.abc import Sequence
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed, NotInFlowKernel
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import ADVICE, current_context, enter
from flowkernel.flow_api.exceptions import (
    CloudomationException,
    DependencyFailedError,
    DependencyTimeoutError,
    EngineException,
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
    ExtraInputError,
    InternalError,
    InvalidInputError,
    LifecycleSignal,
    LockTimeoutError,
    MessageClosed,
    MessageResponseTimeoutError,
    MissingInputError,
    MissingValueError,
    PermissionDenied,
    ResourceNotFoundError,
    SchemaValidationError,
    TimeoutExceededError,
)
from flowkernel.flow_api.execution import Execution
from flowkernel.flow_api.stored_records import FlowRecord, Message
from flowkernel.flow_api.system import System
from flowkernel.flow_api.typed_inputs import Inputs

__all__ = [
    "CloudomationException",
    "DependencyFailedError",
    "DependencyTimeoutError",
    "EngineException",
    "Execution",
    "ExecutionCancel",
    "ExecutionError",
    "ExecutionSuccess",
    "ExtraInputError",
    "FlowRecord",
    "InternalError",
    "InvalidInputError",
    "LifecycleSignal",
    "LockTimeoutError",
    "Message",
    "MessageClosed",
    "MessageResponseTimeoutError",
    "MissingInputError",
    "MissingValueError",
    "MoveNotAllowed",
    "PermissionDenied",
    "ResourceNotFoundError",
    "ReturnWhen",
    "SchemaValidationError",
    "System",
    "TimeoutExceededError",
    "begin",
    "current",
    "return_when",
    "warn_if_outside",
]

return_when = ReturnWhen


def begin(
    client: Client,
    execution_id: str,
    inputs: dict[str, Json],
    defaults: dict[str, Json] | None = None,
    declarations: Sequence[str] = (),
) -> tuple[System, Execution, dict[str, Any]]:
    """Make this process the kernel of an execution; returns `system`, `this` and `inputs`.

    The worker has it called before the first cell of the flow.

    Args:
        inputs: Those that it was started with.
        defaults: Of the parameters that got no input, as the execution has them.
        declarations: The parameters that were declared besides those of its source.
    """
    context = enter(client, execution_id)
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is not None:
        shell.events.register("pre_run_cell", lambda _info=None: context.begin_cell())
    all_inputs = Inputs.of(inputs, defaults, declarations)
    return System(client), Execution(client, execution_id), all_inputs


def current() -> Execution | None:
    """The execution whose kernel this is; None outside a flow's kernel.

    >>> current() is None
    True
    """
    context = current_context()
    return Execution(context.client, context.execution_id) if context else None


def warn_if_outside() -> None:
    """Warn, with advice, where `flow_api` is imported outside a flow's kernel."""
    if current_context() is None:
        warnings.warn(ADVICE, stacklevel=3)


def __getattr__(name: str) -> Any:
    if name in ("this", "system", "inputs"):
        raise NotInFlowKernel(ADVICE)
    raise AttributeError(f"module 'flow_api' has no attribute {name!r}")
