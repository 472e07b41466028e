"""The time that people took to answer: the time limits of a flow do not count it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flowkernel.core.clock import now
from flowkernel.core.models import Execution
from flowkernel.engine.service import Service

Span = tuple[datetime, datetime | None]  #: Start and end; no end: it still lasts.


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """How long people took to answer."""

    seconds: float
    is_now: bool  #: A person is being waited for just now.


def answer_time(service: Service, execution: Execution, start: datetime) -> AnswerTime:
    """How long since `start` it, or something under it, waited for an answer."""
    spans = service.store.answer_waits(execution)
    is_now = any(end is None for _, end in spans)
    return AnswerTime(covered(spans, start, now()), is_now)


def covered(spans: Iterable[Span], start: datetime, end: datetime) -> float:
    """The seconds between two moments that lie in at least one of the spans. Pure."""
    seconds, counted_to = 0.0, start
    for span_start, span_end in sorted(spans, key=lambda span: span[0]):
        first, last = max(span_start, counted_to), min(span_end or end, end)
        if last > first:
            seconds += (last - first).total_seconds()
            counted_to = last
    return seconds
