"""What a flow's source imports: System, Execution, return_when, and the exceptions.

In a flow's kernel `system`, `this` and `inputs` are ready. The names are those that the
documentation of Cloudomation's flow API gives; where that is not public, they are ours.
"""

import builtins
import warnings
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed, NotInFlowKernel
from flowkernel.core.models import Json
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import ADVICE, enter, here
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
    PermissionDenied,
    ResourceNotFoundError,
    SchemaValidationError,
    TimeoutExceededError,
)
from flowkernel.flow_api.execution import Execution
from flowkernel.flow_api.resources import FlowRecord, Message
from flowkernel.flow_api.system import System

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
    client: Client, execution_id: str, inputs: dict[str, Json]
) -> tuple[System, Execution, dict[str, Json]]:
    """Called in a flow's kernel before its first cell: `system`, `this`, `inputs`."""
    mine = enter(client, execution_id)
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is not None:
        shell.events.register("pre_run_cell", lambda _info=None: mine.begin_cell())
    return System(client), Execution(client, execution_id), inputs


def current() -> Execution | None:
    """The execution whose kernel this is; None outside a flow's kernel."""
    mine = here()
    return Execution(mine.client, mine.execution_id) if mine is not None else None


def warn_if_outside() -> None:
    """Say what to do when `flow_api` is imported where no flow runs."""
    if here() is None:
        warnings.warn(ADVICE, stacklevel=3)


def __getattr__(name: str) -> Any:
    if name in ("this", "system", "inputs"):
        raise NotInFlowKernel(ADVICE)
    raise AttributeError(f"module 'flow_api' has no attribute {name!r}")
