"""How long people were waited for: no time limit of a flow counts that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flowkernel.core.clock import now
from flowkernel.core.models import Execution
from flowkernel.engine.service import Service

Span = tuple[datetime, datetime | None]  #: From, until; None: it still lasts.


@dataclass(frozen=True, slots=True)
class AnswerTime:
    """How long people were waited for."""

    seconds: float
    is_now: bool  #: Somebody is waited for just now.


def asked_since(service: Service, execution: Execution, since: datetime) -> AnswerTime:
    """For how long since a moment it, or something under it, waited for an answer."""
    spans = service.store.asked_times(execution)
    is_now = any(until is None for _, until in spans)
    return AnswerTime(covered(spans, since, now()), is_now)


def covered(spans: Iterable[Span], since: datetime, until: datetime) -> float:
    """The seconds between two moments that lie in at least one of the spans. Pure."""
    seconds, reached = 0.0, since
    for begun, ended in sorted(spans, key=lambda span: span[0]):
        start, stop = max(begun, reached), min(ended or until, until)
        if stop > start:
            seconds += (stop - start).total_seconds()
            reached = stop
    return seconds
