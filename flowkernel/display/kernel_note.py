"""What is left of the kernel of a run that was started to keep it. Pure."""

from datetime import datetime

from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionType
from flowkernel.display.deadline import clock_text

NO_LONGER = "no longer kept"


def kernel_text(execution: Execution, moment: datetime) -> str:
    """Whether its kernel is kept, and until when; empty if that was not asked for.

    Args:
        moment: Now.
    """
    if execution.is_kept:
        return f"{until_text(execution, moment)}; `{release_command(execution)}` releases it"
    has_none = execution.type == ExecutionType.WRAPPER or not execution.keeps_kernel
    return NO_LONGER if execution.status.is_ended and not has_none else ""


def until_text(execution: Execution, moment: datetime) -> str:
    """Until when its kernel is kept: `kept until 18:30`."""
    until = execution.parked_until
    return f"kept until {clock_text(until, moment)}" if until is not None else "kept"


def release_command(execution: Execution) -> str:
    """What a person types to release its kernel."""
    return f"flowkernel execution release {short_id(execution.execution_id)}"
