"""Asking a person about a failure, and having followed what they answer."""

from datetime import datetime
from typing import Any

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, MoveNotAllowed
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Execution, Json, Message
from flowkernel.core.projection import LIVE_VERBS
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.answer_time import asked_since
from flowkernel.engine.prompts.decisions import Decision, decide, decision_in
from flowkernel.engine.prompts.failure_prompt import prompt_of
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.prompts.presence import Presence
from flowkernel.engine.schemas import DecideBody
from flowkernel.store import Store


def send_prompt(
    inbox: Inbox, execution_id: str, asked: dict[str, Any], attended: Json
) -> Message:
    """Send the prompt about a failed execution, from its wrapper.

    Args:
        attended: Why we think that somebody is there; it is recorded.

    Raises:
        MoveNotAllowed: It has not failed.
    """
    store = inbox.service.store
    failed = store.get_execution(asked["about_id"])
    if not failed.is_failed:
        raise MoveNotAllowed(failed.execution_id, failed.status, "asked about")
    known = asked_before(inbox, execution_id, failed)
    if known is not None:
        return known
    waiting = [parent.name for parent in store.ancestors(execution_id)]
    prompt = prompt_of(
        failed,
        cause=cause_of(store, failed),
        tries=_tries(inbox, failed),
        waiting=waiting,
        seconds=_ran_for(inbox, execution_id, failed),
    )
    said = {
        **asked,
        "subject": prompt.subject,
        "message": prompt.message,
        "message_type": "ERROR",
        "body": prompt.body,
        "attended": attended,
    }
    return inbox.send(execution_id, said)


def _ran_for(inbox: Inbox, execution_id: str, failed: Execution) -> float | None:
    """Seconds since its start, less those in which its wrapper waited for a person."""
    if failed.started_at is None:
        return None
    wrapper = inbox.service.store.get_execution(execution_id)
    asked = asked_since(inbox.service, wrapper, failed.started_at)
    return max(0.0, (now() - failed.started_at).total_seconds() - asked.seconds)


def cause_of(store: Store, failed: Execution) -> Execution:
    """What a wrapper failed for: what failed under it last; else itself."""
    status = ExecutionStatus.ENDED_ERROR
    while failed.failed_for_another:
        found = store.list_executions(
            parent_id=failed.execution_id, status=status, limit=1
        )
        if not found:
            break
        [failed] = found
    return failed


def is_attended(
    inbox: Inbox, presence: Presence, execution: Execution, minutes: float
) -> bool:
    """Whether somebody is there to be asked by this wrapper; or was asked already, and only
    the wrapper runs again after a loss."""
    if execution.is_interactive or presence.within(minutes) is not None:
        return True
    children = inbox.service.store.called([execution], CALL_KEY)
    failed = [child for child in children if child.is_failed]
    return any(asked_before(inbox, execution.execution_id, one) for one in failed)


def asked_before(inbox: Inbox, execution_id: str, failed: Execution) -> Message | None:
    """The prompt about this very failure, if the wrapper runs again after a loss."""
    since = datetime.fromisoformat(failed.failure["failed_at"])
    for message in inbox.service.store.messages_of(execution_id):
        is_this = (
            message.about_id == failed.execution_id and message.created_at >= since
        )
        if is_this and _still_counts(message, failed):
            return message
    return None


def _still_counts(message: Message, failed: Execution) -> bool:
    """Whether it need not be asked again: nobody closed it, and the answer can be followed."""
    if message.status is not MessageStatus.ANSWERED:
        return message.status in (MessageStatus.OPEN, MessageStatus.TIMED_OUT)
    return failed.parked_at is not None or decision_in(message).verb not in LIVE_VERBS


def _tries(inbox: Inbox, failed: Execution) -> int:
    """How often it was tried: as a whole, and from the failed cell on."""
    runs = inbox.service.store.cell_runs(failed.execution_id)
    same = [run for run in runs if run.cell_id == runs[-1].cell_id]
    count, one = max(1, len(same)), failed
    while one.retry_of is not None:
        before = inbox.service.store.find_execution(one.retry_of)
        if before is None:
            break
        count, one = count + 1, before
    return count


def decide_on(inbox: Inbox, execution_id: str, asked: DecideBody) -> Execution:
    """Have followed an answered prompt, or a verb.

    Raises:
        BadArgument: Neither is given, or both.
    """
    if (asked.message_id is None) is (asked.verb is None):
        raise BadArgument("Give either `message_id` or `verb`.")
    if asked.verb is not None:
        decision = Decision(verb=asked.verb, actor=asked.started_by, why=asked.why)
    else:
        decision = decision_in(inbox.find(asked.message_id or ""))
    return decide(inbox.service, execution_id, decision, archive=asked.archive)
