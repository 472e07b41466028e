"""Prompts that are out of date, and failures that can no longer be decided.

A prompt belongs to the wrapper that sent it; what it asks about is another execution, which may
end, continue or lose its kernel meanwhile. The engine looks for them again and again, so that
none is left by an engine that was killed in between. Pure, but for ids and the time.
"""

from collections.abc import Callable, Iterable, Mapping

from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, Message, RequestedAction
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.failure_prompt import (
    offers_kernel,
    why_settled,
    without_kernel,
)

S = ExecutionStatus
K = EventKind
Find = Callable[[str], Execution | None]


def stale_events(
    live: Mapping[str, Execution], prompts: Iterable[Message], find: Find
) -> list[Event]:
    """The events that end such failures, and close or change such prompts.

    Args:
        live: What has not ended.
        prompts: What is open, and asks about an execution.
        find: Finds one, ended or not; None: it was deleted.
    """
    paused = [execution for execution in live.values() if execution.status is S.PAUSED]
    events = [event for execution in paused for event in _abandoned(execution, live)]
    for message in prompts:
        events += _outdated(message, find(message.about_id or ""))
    return events


def _abandoned(failed: Execution, live: Mapping[str, Execution]) -> list[Event]:
    """The end of a paused execution, if nothing is left that could resume it."""
    is_cancelled = failed.requested_action is RequestedAction.CANCEL
    if is_cancelled and failed.worker is None:
        status, sentence = S.ENDED_CANCELLED, failed.status_message
    elif failed.is_failed and failed.current_parent_id not in live:
        status = S.ENDED_ERROR
        sentence = f"{failed.status_message} The wrapper that asks about it has ended."
    else:
        return []
    ended = make_event(
        failed.execution_id,
        K.ENDED,
        status=status,
        status_message=sentence,
        error=failed.error.to_json() if failed.error else None,
    )
    return [ended]


def _outdated(message: Message, failed: Execution | None) -> list[Event]:
    """What becomes of a prompt that needs no answer, or offers what is not possible."""
    if failed is None or not failed.is_failed:
        kind, reason = K.MESSAGE_CLOSED, why_settled(failed)
        changes = {"status": MessageStatus.CLOSED, "why": reason}
    elif failed.parked_at is None and offers_kernel(message.body):
        kind, changes = K.MESSAGE_CHANGED, without_kernel(message, failed)
    else:
        return []
    payload = {"message_id": message.message_id, **changes}
    return [make_event(message.execution_id, kind, **payload)]
