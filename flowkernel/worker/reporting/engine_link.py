"""One worker's connection to the engine: reports and polls. Survives the engine.

A report is kept until an engine has acknowledged it. If the engine is killed, the next one gets
the report (and is started for it, if no other process starts one). One that an engine refuses
is replaced by a smaller one, where something waits for it, and that is never dropped.
"""

import os
import threading
from collections import deque
from dataclasses import replace
from logging import getLogger
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


class EngineLink:
    """The connection of one worker. `report` never blocks: a thread sends the events."""

    def __init__(self, client: Client, worker_id: str) -> None:
        self.client = client
        self.worker_id = worker_id
        self._queue: deque[WorkerReport] = deque()
        self._sending: list[WorkerReport] = []
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
                self._queue.append(report)
            self._is_urgent |= event.kind not in DEFERRABLE
            self._changed.notify_all()

    def _append_to_last(self, report: WorkerReport) -> bool:
        """Append output to the last report that waits, if it can be; whether it was."""
        joined = joined_output(self._queue[-1], report) if self._queue else None
        if joined is None or len(joined.event.payload["text"]) > JOINED_LOG_CHARACTERS:
            return False
        self._queue[-1] = joined
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
            return self._is_empty

    def flush(self, seconds: float) -> bool:
        """Wait until every event so far is acknowledged; whether it is after `seconds`."""
        deadline = monotonic() + seconds
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: self._is_empty, deadline - monotonic()
            )

    def close(self, seconds: float = 10.0) -> bool:
        """Flush, then stop sending; whether every event was acknowledged."""
        is_flushed = self.flush(seconds)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        return is_flushed

    @property
    def _is_empty(self) -> bool:
        return not self._queue and not self._sending

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_closed)
                self._changed.wait_for(lambda: self._is_due, LINGER_SECONDS)
                if not self._queue:
                    return
                count = min(BATCH, len(self._queue))
                self._sending = [self._queue.popleft() for _ in range(count)]
                self._is_urgent &= bool(self._queue)
            self._send(self._sending)
            with self._changed:
                self._sending = []
                self._changed.notify_all()

    @property
    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._queue) >= BATCH

    def _send(self, reports: list[WorkerReport]) -> None:
        """Send them until they are acknowledged, or refused for good one by one."""
        while not self._is_closed:
            try:
                records = [report.to_json() for report in reports]
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

    def _send_one_by_one(self, reports: list[WorkerReport], error: Exception) -> None:
        """Replace the report that is refused by a smaller one, and send the others."""
        if len(reports) == 1:
            self._replace_refused(reports[0], error)
            return
        for report in reports:
            self._send([report])

    def _replace_refused(self, refused: WorkerReport, error: Exception) -> None:
        """Queue what stands for a refused report; again and again, if that is refused too.

        The others come first, and the engine has a pause: there is nothing left to cut.
        """
        event = refused.event
        log.error("a report of kind %s was refused: %s", event.kind, error)
        minimal = minimal_report(event, str(error))
        if minimal is None:
            return
        with self._changed:
            if minimal.payload.keys() == event.payload.keys():
                self._changed.wait_for(lambda: self._is_closed, RETRY_SECONDS)
            self._queue.append(replace(refused, event=minimal))
            self._is_urgent = True
