"""Prompts that are out of date, and failures that can no longer be decided.

A prompt belongs to the wrapper that sent it; what it asks about is another execution, which may
end, continue or lose its kernel meanwhile. The engine looks for them again and again, so that
none is left by an engine that was killed in between. Pure, but for ids and the time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Execution, Message, RequestedAction
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.failure_prompt import (
    offers_kernel,
    why_settled,
    without_kernel,
)
from flowkernel.store import Batch

S = ExecutionStatus
K = EventKind
Find = Callable[[str], Execution | None]


@dataclass(frozen=True, slots=True)
class StaleRecords:
    """What was out of date at some moment: it is looked at again where it is written."""

    failed_ids: list[str]  #: Of paused executions that nothing is left to resume.
    prompts: list[Message]

    def __bool__(self) -> bool:
        return bool(self.failed_ids or self.prompts)


def find_stale(
    live: Mapping[str, Execution], prompts: Iterable[Message], find: Find
) -> StaleRecords:
    """Such failures, and such prompts.

    Args:
        live: What has not ended.
        prompts: What is open, and asks about an execution.
        find: Finds one, ended or not; None: it was deleted.
    """
    return StaleRecords(
        [key for key, execution in live.items() if _abandoned(execution, live.get)],
        [m for m in prompts if _outdated(m, find(m.about_id or ""))],
    )


def settle_stale(batch: Batch, stale: StaleRecords) -> None:
    """End or close what is still out of date. A verb of the writer."""
    events = []
    for execution in filter(None, map(batch.find_execution, stale.failed_ids)):
        events += _abandoned(execution, batch.find_execution)
    for prompt in stale.prompts:
        message = batch.open_message(prompt.execution_id, prompt.message_id)
        if message is not None:
            events += _outdated(message, batch.find_execution(message.about_id or ""))
    batch.append(events, strict=False)


def _abandoned(failed: Execution, find: Find) -> list[Event]:
    """The end of a paused execution, if nothing is left that could resume it."""
    if failed.status is not S.PAUSED:
        return []
    parent = find(failed.current_parent_id or "")
    is_cancelled = failed.requested_action is RequestedAction.CANCEL
    if is_cancelled and failed.worker is None:
        status, sentence = S.ENDED_CANCELLED, failed.status_message
    elif is_cancelled or not failed.is_failed:
        return []  # Its worker ends it, or somebody resumes it.
    elif parent is None or parent.status.is_ended:
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
