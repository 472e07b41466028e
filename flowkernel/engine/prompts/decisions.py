"""What is decided on a failed execution, and what follows from it at once."""

from dataclasses import dataclass
from difflib import unified_diff
from keyword import iskeyword

from flowkernel.core.errors import BadAnswer, BadArgument, MoveNotAllowed, NotOpen
from flowkernel.core.models import Event, EventKind, Execution, Json, Message
from flowkernel.core.projection import LIVE_VERBS
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.engine.prompts.failure_prompt import (
    INPUT,
    LABELS,
    NEEDS_KERNEL,
    kernel_gone,
    why_settled,
)
from flowkernel.engine.service import Service, make_event

K = EventKind
S = ExecutionStatus
OURS = frozenset({"system", "this", "inputs"})  #: Not to be set by who skips a cell.


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided; or nobody, and why."""

    verb: str
    actor: str = ""
    decided_from: str = ""
    message_id: str | None = None
    response: Json = None
    why: str | None = None


def decision_in(message: Message) -> Decision:
    """What an answered prompt decides.

    Raises:
        BadArgument: It is not answered.
    """
    if message.status is not MessageStatus.ANSWERED:
        raise BadArgument(f"{message.subject!r} is not answered: nothing is decided.")
    response = message.response or {}
    verb = next((name for name in LABELS if response.get(name)), None)
    if verb is None:
        raise BadArgument(f"{message.subject!r} is no prompt about a failure.")
    return Decision(
        verb=verb,
        actor=message.answered_by or "",
        decided_from=message.answered_from or "",
        message_id=message.message_id,
        response=response,
    )


def decide(
    service: Service, execution_id: str, decision: Decision, *, archive: bool
) -> Execution:
    """Record it, and end what does not go on. The same decision twice is one.

    An answer that came while the kernel went, and needs it, decides nothing: it is asked
    again.

    Raises:
        MoveNotAllowed: It has not failed, or not any more.
    """
    failed = service.store.get_execution(execution_id)
    made = failed.decision or {}
    if decision.message_id and made.get("message_id") == decision.message_id:
        return failed
    if not failed.is_failed:
        raise MoveNotAllowed(execution_id, failed.status, "decided on")
    events = [decided_event(failed, decision)]
    if decision.verb != "cancel_all" and decision.verb not in LIVE_VERBS:
        why = with_reason(failed.status_message, decision.why)
        events.append(_ended(failed, S.ENDED_ERROR, why))
        if archive and decision.verb != "fail":
            events.append(make_event(execution_id, K.SAVED, is_archived=True))
    try:
        service.store.append(events)
    except MoveNotAllowed:
        failed = service.store.get_execution(execution_id)
        if not failed.is_failed:
            raise
        return failed
    if decision.verb == "cancel_all":
        service.cancel(failed.root_id, decision.actor or "somebody")
    return service.store.get_execution(execution_id)


def with_reason(error: str | None, why: str | None) -> str | None:
    """The error, and as a sentence of its own why nobody decided otherwise."""
    if not error or not why:
        return error or why
    return f"{error if error.endswith(('.', '!', '?')) else error + '.'} {why}"


def decided_event(failed: Execution, decision: Decision) -> Event:
    """The event that says who decided what, from where, and what was edited."""
    response, failure = decision.response or {}, failed.failure or {}
    said: dict[str, Json] = {
        "verb": decision.verb,
        "message_id": decision.message_id,
        "decided_by": decision.actor,
        "decided_from": decision.decided_from,
        "cell_id": failure.get("cell_id"),
    }
    if decision.why is not None:
        said["why"] = decision.why
    if decision.verb == "retry_cell" and isinstance(response.get("source"), str):
        before, after = str(failure.get("source") or ""), response["source"]
        if before != after:
            said |= {"source": after, "difference": difference(before, after)}
    if decision.verb == "skip":
        said["values"] = given_values(response.get("values"))
    if decision.verb == "retry_with_inputs":
        said["inputs"] = {
            name.removeprefix(INPUT): value
            for name, value in response.items()
            if name.startswith(INPUT)
        }
    return make_event(failed.execution_id, K.DECIDED, decision.actor, **said)


def given_values(values: Json) -> dict[str, Json]:
    """The values for a skipped cell's names; null says: not set."""
    return {name: value for name, value in (values or {}).items() if value is not None}


def difference(before: str, after: str) -> str:
    """What was edited, as a unified diff."""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), "before", "after", lineterm=""
    )
    return "\n".join(lines)


def _ended(failed: Execution, status: S, why: str | None) -> Event:
    return make_event(
        failed.execution_id,
        K.ENDED,
        status=status,
        status_message=why,
        error=failed.error.to_json() if failed.error else None,
    )


def still_possible(
    service: Service, message: Message, response: dict[str, Json]
) -> dict[str, Json]:
    """The response, as far as the form still asks for it: it may have been on a screen since
    before the kernel was lost.

    Raises:
        BadAnswer: It needs the kernel. The message stays open.
        NotOpen: It was decided on otherwise, or has ended.
    """
    if message.about_id is None:
        return response
    failed = service.store.get_execution(message.about_id)
    if not failed.is_failed:
        raise NotOpen(f"{message.subject!r} is closed. {why_settled(failed)}")
    if failed.parked_at is not None:
        return response
    pressed = next((name for name in LABELS if response.get(name)), "")
    if pressed in LIVE_VERBS:
        gone = kernel_gone(failed).partition(" is ")[2]
        raise BadAnswer(f"{LABELS[pressed]} is {gone}")
    return {k: value for k, value in response.items() if k not in NEEDS_KERNEL}


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
        if not name.isidentifier() or iskeyword(name) or name in OURS:
            raise BadAnswer(
                f"{name!r} cannot be given a value: it is "
                + ("a name of flowkernel's own." if name in OURS else "no name.")
            )
