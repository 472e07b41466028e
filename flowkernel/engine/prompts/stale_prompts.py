"""What was left loose by something that happened elsewhere, and how it is tied up.

A prompt belongs to the wrapper that sent it; what it asks about is another execution, which
may end, go on or lose its kernel meanwhile. Looked for again and again, so that an engine that
was killed in between leaves nothing loose. Pure, but for ids and the time.
"""

from collections.abc import Callable, Iterable, Mapping

from flowkernel.core.models import Event, EventKind, Execution, Message
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.failure_prompt import (
    offers_kernel,
    why_settled,
    without_kernel,
)
from flowkernel.engine.service import make_event

S = ExecutionStatus
K = EventKind
Find = Callable[[str], Execution | None]


def loose_ends(
    live: Mapping[str, Execution], prompts: Iterable[Message], find: Find
) -> list[Event]:
    """The events that tie up what is loose.

    Args:
        live: What has not ended.
        prompts: What is open, and asks about an execution.
        find: Finds one, ended or not; None: it was pruned.
    """
    asides = [execution for execution in live.values() if execution.status is S.PAUSED]
    events = [event for one in asides for event in _undecided(one, live)]
    for message in prompts:
        events += _outdated(message, find(message.about_id or ""))
    return events


def _undecided(failed: Execution, live: Mapping[str, Execution]) -> list[Event]:
    """One that is put aside, and that nobody will take up again."""
    if failed.asked == "cancel" and failed.worker is None:
        status, why = S.ENDED_CANCELLED, failed.status_message
    elif failed.is_failed and failed.parent_id not in live:
        status = S.ENDED_ERROR
        why = f"{failed.status_message} What was to ask about it has ended."
    else:
        return []
    error = failed.error.to_json() if failed.error else None
    return [
        make_event(
            failed.execution_id,
            K.ENDED,
            status=status,
            status_message=why,
            error=error,
        )
    ]


def _outdated(message: Message, failed: Execution | None) -> list[Event]:
    """A prompt that asks for what cannot be done, or what nobody needs to decide."""
    if failed is None or not failed.is_failed:
        said = {"status": MessageStatus.CLOSED, "why": why_settled(failed)}
        kind = K.MESSAGE_CLOSED
    elif failed.parked_at is None and offers_kernel(message.body):
        kind, said = K.MESSAGE_CHANGED, without_kernel(message, failed)
    else:
        return []
    told = {"message_id": message.message_id, **said}
    return [make_event(message.execution_id, kind, **told)]
