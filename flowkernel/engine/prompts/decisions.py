"""What is decided on a failed execution, and the events that follow at once."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from keyword import iskeyword
from typing import Any

from flowkernel.core.clock import now
from flowkernel.core.errors import BadAnswer, BadArgument, MoveNotAllowed, NotOpen
from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    Decision,
    DecisionVerb,
    Event,
    EventKind,
    Execution,
    Failure,
    Json,
    Message,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.core.text_diff import diff_lines
from flowkernel.engine.caller_checks import decide_as
from flowkernel.engine.callers import Caller
from flowkernel.engine.execution_verbs import cancel_family
from flowkernel.engine.prompts.assigned_names import all_names_set_by
from flowkernel.engine.prompts.failure_prompt import (
    LABELS,
    NEEDS_KERNEL,
    kernel_gone,
    why_settled,
)
from flowkernel.engine.prompts.input_fields import INPUT
from flowkernel.engine.service import Service
from flowkernel.store import Batch

K = EventKind
S = ExecutionStatus
V = DecisionVerb
#: Names that a person who skips a cell cannot set.
RESERVED_NAMES = frozenset({"system", "this", "inputs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """What a person wants to follow from a failure; or why no person decided."""

    verb: DecisionVerb
    actor: str = ""
    decided_from: str = ""
    message_id: str | None = None
    response: Json = None
    why: str | None = None
    prompted_at: datetime | None = None  #: When the prompt was sent that was answered.
    answered_at: datetime | None = None  #: When that was; None: just now.


def decision_in(message: Message) -> DecisionRequest:
    """What an answered prompt decides.

    Raises:
        BadArgument: It is not answered, or is no prompt about a failure.
    """
    if message.status is not MessageStatus.ANSWERED:
        raise BadArgument(f"{message.subject!r} is not answered: nothing is decided.")
    response = message.response or {}
    verb = next((verb for verb in LABELS if response.get(verb)), None)
    if verb is None:
        raise BadArgument(f"{message.subject!r} is no prompt about a failure.")
    return DecisionRequest(
        verb=verb,
        actor=message.answered_by or "",
        decided_from=message.answered_from or "",
        message_id=message.message_id,
        response=response,
        prompted_at=message.created_at,
        answered_at=message.answered_at,
    )


def decide(
    service: Service,
    execution_id: str,
    request: DecisionRequest,
    *,
    archive: bool,
    caller: Caller | None = None,
) -> Execution:
    """Record the decision, and end what does not continue. The same one twice is one decision.

    If the kernel went while the answer was on its way, and the answer needs it, or if the
    answer is about an earlier failure, nothing is decided: the person is asked again.

    Raises:
        MoveNotAllowed: It has not failed, or something was decided already.
    """
    failed = service.store.get_execution(execution_id)
    previous = failed.decision.message_id if failed.decision else None
    if request.message_id and request.message_id == previous:
        return failed
    if not failed.is_failed:
        raise MoveNotAllowed(execution_id, failed.status, "decided on")
    if _is_about_earlier(request, failed):
        return failed
    events = [decided_event(failed, request), *_ending(failed, request, archive)]
    record = partial(_record, failed, events, request)
    try:
        decide_as(service.store, caller, record)
    except MoveNotAllowed:
        failed = service.store.get_execution(execution_id)
        if not failed.is_failed:
            raise
        return failed
    return service.store.get_execution(execution_id)


def _is_about_earlier(request: DecisionRequest, failed: Execution) -> bool:
    """Whether the prompt that was answered is about a failure before this one."""
    failed_at = (failed.failure or Failure()).failed_at
    if request.prompted_at is None or failed_at is None:
        return False
    return request.prompted_at < failed_at


def _record(
    seen: Execution, events: list[Event], request: DecisionRequest, batch: Batch
) -> None:
    """Record the decision, and with it the cancel of the family, if it is that."""
    decide_the_same = partial(_decide_the_same, seen, events, request.verb)
    batch.change(seen.execution_id, decide_the_same)
    if request.verb is V.CANCEL_ALL:
        top = batch.topmost_live(seen.execution_id)
        cancel_family(batch, top.execution_id, request.actor or "somebody")


def _decide_the_same(
    seen: Execution, events: list[Event], verb: DecisionVerb, failed: Execution
) -> list[Event]:
    """The events, if `failed` has still the failure that they were made for.

    Raises:
        MoveNotAllowed: It was tried again, and may have failed again; or it is being
            cancelled, and that stays.
    """
    is_cancelled = failed.requested_action is RequestedAction.CANCEL
    if failed.failure != seen.failure or (is_cancelled and verb is not V.CANCEL_ALL):
        raise MoveNotAllowed(failed.execution_id, failed.status, "decided on")
    return events


def _ending(failed: Execution, request: DecisionRequest, archive: bool) -> list[Event]:
    """The events that end it, unless it continues, or is cancelled with its family."""
    if request.verb is V.CANCEL_ALL or request.verb in LIVE_VERBS:
        return []
    ended = make_event(
        failed.execution_id,
        K.ENDED,
        status=S.ENDED_ERROR,
        status_message=with_reason(failed.status_message, request.why),
        error=failed.error.to_json() if failed.error else None,
    )
    if not archive or request.verb is V.FAIL:
        return [ended]
    return [ended, make_event(failed.execution_id, K.SAVED, is_archived=True)]


def with_reason(error: str | None, reason: str | None) -> str | None:
    """The error, and the reason for the decision as a sentence of its own."""
    if not error or not reason:
        return error or reason
    return f"{error if error.endswith(('.', '!', '?')) else error + '.'} {reason}"


def decided_event(failed: Execution, request: DecisionRequest) -> Event:
    """The event that says who decided what, from where, and what was edited."""
    failure = failed.failure or Failure()
    decision = Decision(
        verb=request.verb,
        message_id=request.message_id,
        decided_by=request.actor,
        decided_from=request.decided_from,
        cell_id=failure.cell_id,
        why=request.why,
        decided_at=request.answered_at or now(),
        **_details(request, failure.source or ""),
    )
    payload = decision.to_json()
    return make_event(failed.execution_id, K.DECIDED, request.actor, **payload)


def _details(request: DecisionRequest, source: str) -> dict[str, Any]:
    """The fields of a decision that only its verb has. `source`: of the failed cell."""
    response = request.response or {}
    match request.verb:
        case V.RETRY_CELL:
            edited = response.get("source")
            if not isinstance(edited, str) or edited == source:
                return {}
            return {"source": edited, "difference": difference(source, edited)}
        case V.SKIP:
            return {"values": values_to_set(response.get("values"))}
        case V.RETRY_WITH_INPUTS:
            names = [name for name in response if name.startswith(INPUT)]
            inputs = {name.removeprefix(INPUT): response[name] for name in names}
            return {"inputs": inputs}
        case _:
            return {}


def values_to_set(values: Json) -> dict[str, Json]:
    """The values for a skipped cell's names; null means that a name is not set."""
    return {name: value for name, value in (values or {}).items() if value is not None}


def difference(source: str, edited: str) -> str:
    """What was edited, as a unified diff."""
    return "\n".join(diff_lines(source, edited, ("before", "after")))


def still_possible(
    service: Service, message: Message, response: dict[str, Json]
) -> dict[str, Json]:
    """The response without what the form no longer offers.

    The person may have answered a form that was shown before the kernel was lost.

    Raises:
        BadAnswer: It needs the kernel, or has values for names that the cell does not set. The
            message stays open.
        NotOpen: Something else was decided, or the execution has ended.
    """
    if message.about_id is None:
        return response
    failed = service.store.get_execution(message.about_id)
    is_cancelled = failed.requested_action is RequestedAction.CANCEL
    if not failed.is_failed or (is_cancelled and not response.get(V.CANCEL_ALL)):
        raise NotOpen(f"{message.subject!r} is closed. {why_settled(failed)}")
    if failed.parked_at is not None:
        _check_set_by_cell(failed.failure or Failure(), response)
        return response
    _check_needs_no_kernel(failed, response)
    return {k: value for k, value in response.items() if k not in NEEDS_KERNEL}


def _check_set_by_cell(failure: Failure, response: dict[str, Json]) -> None:
    """Refuse values for names that the skipped cell does not set: a typo would show late."""
    values = response.get("values") if response.get(V.SKIP) else None
    names = all_names_set_by(failure.source or "")
    if names is None or not isinstance(values, dict):
        return
    unknown = next((name for name in values if name not in names), None)
    if unknown is not None:
        raise BadAnswer(
            f"The cell does not set {quoted_name(unknown)}. {suggestion(unknown, names)} It "
            f"sets: {', '.join(names)}. To set another name, retry the cell with that in it."
        )


def _check_needs_no_kernel(failed: Execution, response: dict[str, Json]) -> None:
    verb = next((verb for verb in LABELS if response.get(verb)), None)
    if verb is not None and verb in LIVE_VERBS:
        reason = kernel_gone(failed).partition(" is ")[2]
        raise BadAnswer(f"{LABELS[verb]} is {reason}")


def check_answer(message: Message, response: dict[str, Json]) -> None:
    """Refuse values that could not be set.

    Raises:
        BadAnswer: The message stays open.
    """
    values = response.get("values") if message.about_id is not None else None
    if not response.get("skip") or values is None:
        return
    if not isinstance(values, dict):
        raise BadAnswer(
            'The values must be an object of names and values, as in {"rows": 3}.'
        )
    for name in values:
        is_reserved = name in RESERVED_NAMES
        if not name.isidentifier() or iskeyword(name) or is_reserved:
            reason = "a name of flowkernel's own." if is_reserved else "no name."
            raise BadAnswer(f"{name!r} cannot be given a value: it is {reason}")
