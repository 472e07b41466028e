"""What is known of a run when a second Ctrl-C ends the command that follows it."""

from flowkernel.cli.exit_codes import CANCELLED, FAILED, INTERRUPTED, SUCCESS
from flowkernel.client.client import Client
from flowkernel.client.quick_look import quick_record
from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.outcome_text import status_text

S = ExecutionStatus
EXIT_CODES = {
    S.ENDED_SUCCESS: SUCCESS,
    S.ENDED_ERROR: FAILED,
    S.ENDED_CANCELLED: CANCELLED,
}


def current_record(client: Client, execution_id: str) -> Execution | None:
    """The execution as it is now; None if no engine answers at once."""
    try:
        record = quick_record(client, execution_id)
    except KeyboardInterrupt:  # The person does not want to wait for that either.
        return None
    return None if record is None else Execution.from_json(record)


def interrupted_text(
    execution_id: str, execution: Execution | None, *, is_cancel_sent: bool
) -> tuple[str, int]:
    """What is known of a run that is followed no longer, and the exit code.

    Args:
        execution: As it is now, or as it was when it was last heard of; None: it was not.
        is_cancel_sent: Whether the engine may have a request to cancel it.
    """
    short = short_id(execution_id)
    tree = f"`flowkernel execution tree {short}`"
    if execution is not None and execution.status.is_ended:
        sentence = f"{execution.name!r} {status_text(execution)}."
        return f"{sentence} {tree} shows it.", EXIT_CODES[execution.status]
    if execution is not None and execution.requested_action is RequestedAction.CANCEL:
        return f"The run is being cancelled. {tree} shows it.", CANCELLED
    if is_cancel_sent:
        state = (
            "Interrupted before the engine confirmed the cancel: the run may continue."
        )
        advice = f"`flowkernel execution cancel {short}` cancels it."
        return f"{state} {tree} shows it; {advice}", INTERRUPTED
    return f"It continues. {tree} shows it.", INTERRUPTED
