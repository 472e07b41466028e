"""What a wrapper requests about a failure: is a person there, ask them, carry out the answer.

The text and the form of the prompt are in `failure_prompt`; what follows from a decision is in
`decisions`.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from functools import partial

from pydantic import ConfigDict, with_config

from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import BadArgument, MoveNotAllowed
from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    DecisionVerb,
    Event,
    Execution,
    Failure,
    Json,
    Message,
)
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.caller_checks import decide_as
from flowkernel.engine.callers import Caller
from flowkernel.engine.field_types import AnswerTimeout, Id
from flowkernel.engine.prompts.answer_time import answer_time
from flowkernel.engine.prompts.cancel_count import cancel_count
from flowkernel.engine.prompts.decisions import DecisionRequest, decide, decision_in
from flowkernel.engine.prompts.entered_inputs import next_check
from flowkernel.engine.prompts.failure_prompt import FailurePrompt, prompt_of
from flowkernel.engine.prompts.inbox import Inbox, MessageRequest, sent_event
from flowkernel.store import Batch, Store, checked_event


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRequest:
    """A prompt to send about a failed execution."""

    message_id: Id = field(default_factory=new_id)
    about_id: Id  #: The failed execution.
    timeout: AnswerTimeout | None = None


def send_prompt(
    inbox: Inbox,
    execution_id: str,
    request: PromptRequest,
    attended: Json,
    *,
    caller: Caller | None = None,
) -> Message:
    """Send the prompt about a failed execution, from its wrapper `execution_id`.

    A failure has one prompt: another one is not sent.

    Args:
        attended: Why we think that a person is there; it is recorded.

    Raises:
        MoveNotAllowed: It has not failed.
        AttemptIsOver: The wrapper begins again in another kernel, or has ended.
    """
    store = inbox.service.store
    while True:
        store.flush()  # Its messages are read from there.
        failed = store.get_execution(request.about_id)
        if not failed.is_failed:
            raise MoveNotAllowed(failed.execution_id, failed.status, "asked about")
        sent_ids = {message.message_id for message in store.messages_of(execution_id)}
        previous = previous_prompt(inbox, execution_id, failed)
        if previous is not None:
            return previous
        message = _message_of(_prompt(inbox, execution_id, failed), request)
        event = checked_event(sent_event(execution_id, message, attended))
        record = partial(_record_prompt, event, failed, sent_ids)
        if decide_as(store, caller, record):
            return store.get_message(message.message_id)


def _record_prompt(
    event: Event, failed: Execution, sent_ids: Set[str], batch: Batch
) -> bool:
    """Record it, unless there is news since it was made: another message or failure."""
    current = batch.get(failed.execution_id)
    is_same = current.is_failed and current.failure == failed.failure
    if not is_same or batch.message_ids(event.execution_id) - sent_ids:
        return False
    batch.append([event], strict=True)
    return True


def _message_of(prompt: FailurePrompt, request: PromptRequest) -> MessageRequest:
    return MessageRequest(
        message_id=request.message_id,
        subject=prompt.subject,
        message=prompt.message,
        message_type="ERROR",
        body=prompt.body,
        timeout=request.timeout,
        about_id=request.about_id,
    )


def _prompt(inbox: Inbox, execution_id: str, failed: Execution) -> FailurePrompt:
    store = inbox.service.store
    return prompt_of(
        failed,
        cause=cause_of(store, failed),
        tries=_count_tries(store, failed),
        waiting=[parent.name for parent in store.ancestors(execution_id)],
        seconds=_run_seconds(inbox, execution_id, failed),
        check=next_check(store, failed),
        cancel_count=cancel_count(store, failed.execution_id),
    )


def _run_seconds(inbox: Inbox, execution_id: str, failed: Execution) -> float | None:
    """Seconds since its start, less those in which its wrapper waited for a person."""
    if failed.started_at is None:
        return None
    wrapper = inbox.service.store.get_execution(execution_id)
    answering = answer_time(inbox.service, wrapper, failed.started_at)
    return max(0.0, (now() - failed.started_at).total_seconds() - answering.seconds)


def cause_of(store: Store, failed: Execution) -> Execution:
    """Why a wrapper failed: what failed under it last; else itself."""
    status = ExecutionStatus.ENDED_ERROR
    while failed.failed_for_another:
        children = store.list_executions(
            parent_id=failed.execution_id, status=status, limit=1
        )
        if not children:
            break
        [failed] = children
    return failed


def previous_prompt(
    inbox: Inbox, execution_id: str, failed: Execution
) -> Message | None:
    """The prompt about this very failure, if the wrapper runs again after a loss."""
    failed_at = (failed.failure or Failure()).failed_at or failed.created_at
    for message in inbox.service.store.messages_of(execution_id):
        is_about_it = message.about_id == failed.execution_id
        is_newer = message.created_at >= failed_at
        if is_about_it and is_newer and _is_valid(message, failed):
            return message
    return None


def _is_valid(message: Message, failed: Execution) -> bool:
    """Whether a prompt was not closed, and its answer can still be carried out."""
    if message.status is not MessageStatus.ANSWERED:
        return message.status in (MessageStatus.OPEN, MessageStatus.TIMED_OUT)
    return failed.parked_at is not None or decision_in(message).verb not in LIVE_VERBS


def _count_tries(store: Store, failed: Execution) -> int:
    """How often it was tried: as a whole, and from the failed cell on."""
    runs = store.cell_runs(failed.execution_id)
    same_cell = [run for run in runs if run.cell_id == runs[-1].cell_id]
    count, execution = max(1, len(same_cell)), failed
    while execution.retry_of is not None:
        previous = store.find_execution(execution.retry_of)
        if previous is None:
            break
        count, execution = count + 1, previous
    return count


def decide_on(
    inbox: Inbox,
    execution_id: str,
    *,
    message_id: str | None,
    verb: DecisionVerb | None,
    actor: str,
    reason: str | None,
    archive: bool,
    caller: Caller | None = None,
) -> Execution:
    """Carry out an answered prompt, or a verb.

    Raises:
        BadArgument: Neither is given, or both.
    """
    if (message_id is None) is (verb is None):
        raise BadArgument("Give either `message_id` or `verb`.")
    if verb is not None:
        request = DecisionRequest(verb=verb, actor=actor, why=reason)
    else:
        request = decision_in(inbox.find(message_id or ""))
    return decide(inbox.service, execution_id, request, archive=archive, caller=caller)
