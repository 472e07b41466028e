"""How a run ended, in a sentence for the person who followed it."""

from flowkernel.cli.output import print_note
from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.outcome_text import intervention_text, status_text

#: Characters of the reason of a failure that are shown, inclusive.
REASON_LENGTH = 300


def print_ending(execution: Execution) -> None:
    """Say how it ended, unless it succeeded and nobody touched it."""
    if execution.status is ExecutionStatus.ENDED_ERROR:
        reason = execution.status_message or "it gave no reason"
        short = short_id(execution.execution_id)
        print_note(
            f"{execution.name!r} failed: {one_line(reason, REASON_LENGTH)}\n"
            f"`flowkernel execution show {short}` shows the cell and the traceback."
        )
    elif execution.status is ExecutionStatus.ENDED_CANCELLED:
        print_note(f"{execution.name!r} was cancelled.")
    elif intervention_text(execution):
        print_note(f"{execution.name!r} {status_text(execution)}.")
