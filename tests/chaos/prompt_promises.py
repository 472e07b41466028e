"""What must be true of messages: one prompt for a failure, one answer for a message."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from flowkernel.core.interventions import LIVE_VERBS
from tests.chaos.ledger import Ledger
from tests.chaos.promise import Promise
from tests.chaos.record import Record, Row

#: What an answer may become: two verbs need a kernel, which may be gone.
OUTCOMES = {"accepted", "NotOpen", "NotParked", "BadAnswer"}


def prompt_promises(record: Record, ledger: Ledger) -> list[Promise]:
    """The promises about messages and their answers."""
    messages = {row["message_id"]: row for row in record.rows["message"]}
    prompts = [row for row in messages.values() if row["about_id"] is not None]
    count = len(ledger.answers)
    return [
        Promise.of("prompts doubled", len(prompts), _doubled(record, prompts)),
        Promise.of("messages doubled", len(messages), _asked_twice(record)),
        Promise.of("messages left open", len(messages), _open(messages)),
        Promise.of(
            "answers lost or doubled", count, _answers(record, ledger, messages)
        ),
        Promise.of("answers that the flow got otherwise", count, _heard(record)),
        Promise.of("decisions doubled", len(prompts), _decisions(record)),
    ]


def _doubled(record: Record, prompts: list[Row]) -> Iterator[str]:
    """A second prompt about the same failure."""

    def sent(prompt: Row) -> int:
        message_id = prompt["message_id"]
        sender = prompt["execution_id"]
        return record.seqs(sender, "message_sent", message_id=message_id)[0]

    for prompt, following in pairwise(
        sorted(prompts, key=lambda p: (p["about_id"], sent(p)))
    ):
        about_id = prompt["about_id"]
        if about_id != following["about_id"]:
            continue
        reasons = record.seqs(about_id, "failed")
        if _needs_kernel(
            prompt
        ):  # Without it, the answer cannot be carried out: ask again.
            reasons += record.seqs(about_id, "kernel_lost")
        if not any(sent(prompt) < seq < sent(following) for seq in reasons):
            ids = f"{prompt['message_id']}, {following['message_id']}"
            yield f"{ids} about {record.about(about_id)}"


def _needs_kernel(prompt: Row) -> bool:
    """Whether it was answered with something that the kernel must do."""
    response = json.loads(prompt["response"] or "null") or {}
    return any(response.get(verb) is True for verb in LIVE_VERBS)


def _asked_twice(record: Record) -> Iterator[str]:
    calls = Counter(
        (row["execution_id"], row["call_key"])
        for row in record.rows["message"]
        if row["call_key"] is not None and row["about_id"] is None
    )
    for (execution_id, call_key), count in calls.items():
        if count > 1:
            yield f"{count} times {call_key}: {record.about(execution_id)}"


def _open(messages: dict[str, Row]) -> Iterator[str]:
    for message_id, row in messages.items():
        if row["status"] == "OPEN":
            yield f"{message_id} {row['subject']} of {row['execution_id']}"


def _answers(record: Record, ledger: Ledger, messages: dict[str, Row]) -> Iterator[str]:
    recorded = Counter(
        json.loads(event["payload"])["message_id"]
        for event in record.rows["event"]
        if event["kind"] == "message_answered"
    )
    for message_id, answers in ledger.answers.items():
        accepted = [answer for answer in answers if answer.outcome == "accepted"]
        row = messages[message_id]
        winner = (row["status"], row["answered_by"])
        odd = [answer for answer in answers if answer.outcome not in OUTCOMES]
        label = f"{message_id} {row['subject']}: {answers}, recorded {winner}"
        if recorded[message_id] > 1:
            yield f"recorded {recorded[message_id]} times: {label}"
        if odd:
            yield f"refused otherwise: {label}"
        if len(accepted) > 1:
            yield f"two were accepted: {label}"
        elif accepted and winner != ("ANSWERED", accepted[0].caller):
            yield f"another one is recorded: {label}"
        elif not accepted and row["status"] == "ANSWERED":
            yield f"none was accepted: {label}"


def _heard(record: Record) -> Iterator[str]:
    responses = {
        (row["execution_id"], json.loads(row["response"]).get("string"))
        for row in record.rows["message"]
        if row["response"] is not None
    }
    for line in record.lines:
        if line.answer and (line.execution_id, line.answer) not in responses:
            yield f"{line.answer!r} is not recorded: {record.about(line.execution_id)}"


def _decisions(record: Record) -> Iterator[str]:
    decisions = Counter(
        (execution_id, event["payload"].get("message_id"))
        for execution_id, events in record.events.items()
        for event in events
        if event["kind"] == "decided"
    )
    for (execution_id, message_id), count in decisions.items():
        if count > 1 and message_id is not None:
            yield f"{count} by {message_id}: {record.about(execution_id)}"
