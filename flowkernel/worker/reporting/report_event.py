"""The events of a report, such that no engine refuses them: bounded, and in valid Unicode.

What a kernel says of an error, a stream or a cell may have any length and any characters.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind, Json
from flowkernel.core.report_limits import PAYLOAD_LIMITS, FieldLimits, TextLimit
from flowkernel.core.worker_report import WorkerReport

CUT = "…"  #: Where a text was cut.
#: What stays of a refused report: by kind what it says happened, and a field of its payload.
#: Without it the engine would take the execution for one that runs.
MINIMAL_REPORTS = {
    EventKind.FAILED: ("failure", "is_parked"),
    EventKind.ENDED: ("end", "status"),
}
REASON_CHARACTERS = 300  #: Of the engine's sentence in a minimal report, inclusive.


def report_event(
    worker_id: str, execution_id: str, kind: EventKind, payload: Mapping[str, Any]
) -> Event:
    """An event that happens now, with its payload cut to what the engine takes."""
    return make_event(execution_id, kind, worker_id, **bounded_payload(kind, payload))


def joined_output(last: WorkerReport, report: WorkerReport) -> WorkerReport | None:
    """Two reports of output as one; None if they are not of the same output."""
    if report.event.kind is not EventKind.LOGGED or _source(last) != _source(report):
        return None
    text = last.event.payload["text"] + report.event.payload["text"]
    payload = {**last.event.payload, "text": text}
    return replace(last, event=replace(last.event, payload=payload))


def _source(report: WorkerReport) -> tuple[object, ...]:
    """What prints: the attempt at an execution, and by which stream."""
    event = report.event
    return event.kind, event.execution_id, report.attempt, event.payload.get("stream")


def bounded_payload(kind: EventKind, payload: Mapping[str, Any]) -> dict[str, Json]:
    """The payload within the limits of its kind; fields without a limit are unchanged."""
    return _bounded_fields(payload, PAYLOAD_LIMITS.get(kind, {}))


def minimal_report(event: Event, reason: str) -> Event | None:
    """What stands for a report that the engine refused; None: nothing waits for it.

    It has nothing that could be refused, and the same id: it is recorded once.
    """
    if event.kind not in MINIMAL_REPORTS:
        return None
    subject, field = MINIMAL_REPORTS[event.kind]
    reason = bounded_text(reason, TextLimit(REASON_CHARACTERS))
    sentence = f"The report of its {subject} was refused: {reason}"
    payload = {field: event.payload[field], "status_message": sentence}
    return replace(event, payload=payload)


def bounded_text(text: object, limit: TextLimit) -> str:
    """The text in valid Unicode; a longer one is cut, and `…` says where."""
    content = text if isinstance(text, str) else str(text)
    count = limit.characters
    # Before half characters are replaced, which makes it longer: it may be huge.
    part = content[-count - 1 :] if limit.keeps_end else content[: count + 1]
    plain = part.encode("utf-8", "backslashreplace").decode()
    if len(plain) <= count:
        return plain
    if limit.keeps_end:
        return CUT + plain[len(plain) - count + 1 :]
    return plain[: count - 1] + CUT


def _bounded_fields(values: Mapping[str, Any], limits: FieldLimits) -> dict[str, Json]:
    return {
        name: _bounded(value, limits[name])
        if name in limits and value is not None
        else value
        for name, value in values.items()
    }


def _bounded(value: Any, limit: TextLimit | int | FieldLimits) -> Json:
    if isinstance(limit, TextLimit):
        return bounded_text(value, limit)
    if isinstance(limit, int):
        return min(value, limit)
    return _bounded_fields(value, limit)
