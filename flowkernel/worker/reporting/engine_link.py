"""One worker's connection to the engine: reports and polls. Survives the engine.

A report is kept until an engine has acknowledged it. If the engine is killed, the next one gets
the report (and is started for it, if no other process starts one). One that an engine refuses
is replaced by a smaller one, where something waits for it, and that is never dropped.
"""

import os
import threading
from collections import deque
from dataclasses import dataclass, replace
from logging import getLogger
from math import inf
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.models import EventKind, Json
from flowkernel.core.process_id import started_at
from flowkernel.core.worker_report import WorkerReport
from flowkernel.worker.reporting.report_event import (
    joined_output,
    minimal_report,
    report_event,
)

BATCH = 500  #: Events of one report, inclusive.
#: Of one log event, inclusive: shorter ones are joined, longer output is split.
JOINED_LOG_CHARACTERS = 60_000
#: How long events that can wait are collected, to go in one report.
LINGER_SECONDS = 0.05
RETRY_SECONDS = 0.5  #: Between two tries after the engine refused a whole report.

#: Events that can wait: people look at them. For every other kind something waits.
DEFERRABLE = frozenset(
    {
        EventKind.CELLS_COUNTED,
        EventKind.CELL_STARTED,
        EventKind.CELL_ENDED,
        EventKind.LOGGED,
    }
)

log = getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NumberedReport:
    """A report that is not acknowledged yet."""

    number: int  #: Which one of this worker it is, or stands for; from 1.
    report: WorkerReport


class EngineLink:
    """The connection of one worker. `report` never blocks: a thread sends the events."""

    def __init__(self, client: Client, worker_id: str) -> None:
        self.client = client
        self.worker_id = worker_id
        self._queue: deque[NumberedReport] = deque()
        self._count = 0  #: Of the reports, those that were joined as one.
        self._oldest_sent = inf  #: The lowest number of those that are sent just now.
        #: The numbers of those that were refused; what stands for them waits in the queue.
        self._refused: set[int] = set()
        self._changed = threading.Condition()  #: Guards the fields around it.
        self._is_urgent = False
        self._is_closed = False
        self._process = {"pid": os.getpid(), "process_started_at": started_at()}
        self._thread = threading.Thread(
            target=self._send_all, name="report", daemon=True
        )
        self._thread.start()

    def report(
        self, execution_id: str, attempt: int, kind: EventKind, /, **payload: Any
    ) -> None:
        """Report an event that happens now. Its texts are cut to what the engine takes."""
        event = report_event(self.worker_id, execution_id, kind, payload)
        report = WorkerReport(event, attempt)
        with self._changed:
            if not self._append_to_last(report):
                self._count += 1
                self._queue.append(NumberedReport(self._count, report))
            self._is_urgent |= event.kind not in DEFERRABLE
            self._changed.notify_all()

    def _append_to_last(self, report: WorkerReport) -> bool:
        """Append output to the last report that waits, if it can be; whether it was."""
        last = self._queue[-1] if self._queue else None
        joined = joined_output(last.report, report) if last else None
        if joined is None or len(joined.event.payload["text"]) > JOINED_LOG_CHARACTERS:
            return False
        self._queue[-1] = replace(self._queue[-1], report=joined)
        return True

    def poll(
        self,
        attempts: dict[str, int],
        paused: list[str],
        more: dict[str, Json] | None = None,
    ) -> dict[str, Json]:
        """Ask the engine what to do; the reply of `/worker/{id}/poll`.

        Args:
            attempts: Of all executions of this worker, which attempt at each it carries out.
            paused: The ids of those that are paused.
            more: What else it says of itself.
        """
        held = {"holding": list(attempts), "attempts": attempts, "paused": paused}
        body = {**self._process, **held, **(more or {})}
        reply: dict[str, Json] = self.client.post(
            f"/worker/{self.worker_id}/poll", body
        )
        return reply

    @property
    def is_quiet(self) -> bool:
        """Whether every reported event is acknowledged."""
        with self._changed:
            return self._oldest == inf

    def flush(self, seconds: float) -> bool:
        """Wait until every event so far is acknowledged; whether it is after `seconds`.

        Other runs may report without a pause: what comes later is not waited for.
        """
        deadline = monotonic() + seconds
        with self._changed:
            last = self._count
            self._is_urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: self._oldest > last, deadline - monotonic()
            )

    def close(self, seconds: float = 10.0) -> bool:
        """Flush, then stop sending; whether every event was acknowledged."""
        is_flushed = self.flush(seconds)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        return is_flushed

    @property
    def _oldest(self) -> float:
        """The lowest number of a report that is not acknowledged; infinite: there is none."""
        waiting = self._queue[0].number if self._queue else inf
        return min(waiting, self._oldest_sent, *self._refused)

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_closed)
                self._changed.wait_for(lambda: self._is_due, LINGER_SECONDS)
                if not self._queue:
                    return
                batch = self._take_batch()
            self._send(batch)
            with self._changed:
                self._oldest_sent = inf
                self._changed.notify_all()

    def _take_batch(self) -> list[NumberedReport]:
        """The reports that are sent next. The queue is not empty."""
        count = min(BATCH, len(self._queue))
        batch = [self._queue.popleft() for _ in range(count)]
        numbers = {numbered.number for numbered in batch}
        self._oldest_sent = min(numbers)
        self._refused -= numbers
        self._is_urgent &= bool(self._queue)
        return batch

    @property
    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._queue) >= BATCH

    def _send(self, reports: list[NumberedReport]) -> None:
        """Send them until they are acknowledged, or refused for good one by one."""
        while not self._is_closed:
            try:
                records = [numbered.report.to_json() for numbered in reports]
                body = {**self._process, "events": records}
                self.client.post(f"/worker/{self.worker_id}/report", body)
                return
            except FlowkernelError as error:
                if error.is_answer and not isinstance(error, EngineError):
                    return self._send_one_by_one(reports, error)
                log.warning("the engine is away, trying again: %s", error)
            except Exception as error:  # This thread is the only one that reports.
                return self._send_one_by_one(reports, error)
            with self._changed:
                self._changed.wait_for(lambda: self._is_closed, RETRY_SECONDS)

    def _send_one_by_one(self, reports: list[NumberedReport], error: Exception) -> None:
        """Replace the report that is refused by a smaller one, and send the others."""
        if len(reports) == 1:
            self._replace_refused(reports[0], error)
            return
        for report in reports:
            self._send([report])

    def _replace_refused(self, refused: NumberedReport, error: Exception) -> None:
        """Queue what stands for a refused report; again and again, if that is refused too.

        The others come first, and the engine has a pause: there is nothing left to cut.
        """
        event = refused.report.event
        log.error("a report of kind %s was refused: %s", event.kind, error)
        minimal = minimal_report(event, str(error))
        if minimal is None:
            return
        with self._changed:
            if minimal.payload.keys() == event.payload.keys():
                self._changed.wait_for(lambda: self._is_closed, RETRY_SECONDS)
            report = replace(refused.report, event=minimal)
            self._queue.append(replace(refused, report=report))
            self._refused.add(refused.number)
            self._is_urgent = True
