"""What a campaign found, for people: a line for each promise, and how to look at the rest."""

import json
import re
from collections import Counter
from collections.abc import Iterator

from tests.chaos.arena import Arena
from tests.chaos.ledger import Ledger
from tests.chaos.promise import Promise
from tests.chaos.record import Record

#: Breaches that are shown of each promise; the log of the campaign has all.
SHOWN = 4
WIDTH = 420
#: Errors that belong to the plan, or to a kill.
EXPECTED = (
    "RuntimeError: fails as planned",
    "the kernel died",
    "DependencyFailedError",
    "worker was lost",
    "The wrapper that asks about it has ended",
)


def report(
    arena: Arena, promises: list[Promise], *, command: str, is_kept: bool
) -> Iterator[str]:
    """The lines of the report."""
    for promise in promises:
        mark = "BROKEN" if promise.breaches else "ok    "
        yield f"{mark} {promise.sentence}: {len(promise.breaches)} of {promise.count}"
        for breach in promise.breaches:
            arena.say("BROKEN", promise.sentence, breach)
        yield from (f"         {breach[:WIDTH]}" for breach in promise.breaches[:SHOWN])
    if is_kept:
        yield f"Again: {command}"
        yield f"Everything is kept in {arena.path}: home, effects.jsonl, chaos.log."


def summary(record: Record, ledger: Ledger) -> Iterator[str]:
    """What happened, in numbers."""
    statuses = Counter(row["status"] for row in record.rows["execution"])
    losses = sum(row["losses"] for row in record.rows["execution"])
    yield _numbers("kills", _named(ledger.counts, "killed: "))
    yield _numbers("runs", statuses) + f", {losses} losses"
    yield _numbers("messages", Counter(row["status"] for row in record.rows["message"]))
    yield _numbers("answers", _named(ledger.counts, "answers: "))
    decisions = [e for e in record.rows["event"] if e["kind"] == "decided"]
    verbs = Counter(json.loads(event["payload"])["verb"] for event in decisions)
    yield _numbers("decisions", verbs)
    heard = {name: n for name, n in ledger.counts.items() if ": " not in name}
    yield _numbers("callers", Counter(heard))
    yield from (f"other error, {n} times: {text}" for text, n in _errors(record))


def _named(counts: Counter[str], prefix: str) -> Counter[str]:
    return Counter(
        {
            name.removeprefix(prefix): count
            for name, count in counts.items()
            if name.startswith(prefix)
        }
    )


def _numbers(label: str, counts: Counter[str]) -> str:
    numbers = [f"{count} {name}" for name, count in sorted(counts.items())]
    return f"{label}: {sum(counts.values())} ({', '.join(numbers)})"


def _errors(record: Record) -> list[tuple[str, int]]:
    """Why runs failed, but for what was planned."""
    messages = [
        re.sub(r"[0-9a-f]{8}[0-9a-f-]*", "ID", row["status_message"] or "")[:300]
        for row in record.rows["execution"]
        if row["status"] == "ENDED_ERROR"
    ]
    return Counter(
        m for m in messages if not any(e in m for e in EXPECTED)
    ).most_common(8)
