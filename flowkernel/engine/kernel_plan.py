"""The plan of a start that chooses another kernel than that of its flow."""

from dataclasses import replace

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import FlowKind
from flowkernel.engine.start_plan import StartPlan, WrapperPlan

PYTHON = "python"


def plan_with_kernel(plan: StartPlan, kernel: str | None) -> StartPlan:
    """The plan with this kernel; None: as it is. What it starts keeps its own kernel.

    Raises:
        BadArgument: There is no such kernel, it has no ipykernel, or the flow cannot run in it.
    """
    if kernel is None:
        return plan
    if isinstance(plan, WrapperPlan):
        raise BadArgument(
            f"{plan.flow_name!r} is a wrapper, and `kernel` is {kernel!r}. Choose the kernel "
            "where the flow that it runs is started."
        )
    # Jupyter's classes take a tenth of a second to import.
    from flowkernel.kernels.kernel_choice import choose_kernel

    choice = choose_kernel(kernel, plan.environment)
    if plan.version.kind is not FlowKind.NOTEBOOK and choice.language != PYTHON:
        raise BadArgument(
            f"{plan.flow_name!r} is written in Python, and the kernel {kernel!r} is for "
            f"{choice.language}. Choose a kernel for Python; a notebook can have any."
        )
    return replace(plan, environment=choice.environment)
