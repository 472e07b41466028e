"""What a worker says to the engine, and hears from it. Survives the engine.

Whatever is reported is kept until an engine has acknowledged it: if the engine is killed, the
next one gets it (and is started for it, if nobody else does).
"""

import os
import threading
from collections import deque
from dataclasses import replace
from logging import getLogger
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic, new_id, now
from flowkernel.core.errors import EngineError, FlowkernelError
from flowkernel.core.models import Event, EventKind, Json
from flowkernel.core.process_id import started_at

BATCH = 500  #: Events of one report, inclusive.
LINES = 60_000  #: Characters of one log event, inclusive; longer output is split.
LINGER_SECONDS = (
    0.05  #: How long what nobody waits for may be gathered, to go in one report.
)
RETRY_SECONDS = 0.5  #: Between two tries after the engine refused a whole report.

#: What is only looked at. On everything else somebody waits.
PATIENT = frozenset(
    {
        EventKind.CELLS_COUNTED,
        EventKind.CELL_STARTED,
        EventKind.CELL_ENDED,
        EventKind.LOGGED,
    }
)

log = getLogger(__name__)


class EngineLink:
    """One worker's line to the engine. `report` never blocks; a thread sends."""

    def __init__(self, client: Client, worker_id: str) -> None:
        self.client = client
        self.worker_id = worker_id
        self._queue: deque[Event] = deque()
        self._news = threading.Condition()
        self._sending: list[Event] = []
        self._is_urgent = False
        self._is_closed = False
        self._who = {"pid": os.getpid(), "process_started_at": started_at()}
        self._thread = threading.Thread(
            target=self._send_all, name="report", daemon=True
        )
        self._thread.start()

    def report(self, execution_id: str, kind: EventKind, **payload: Any) -> None:
        """Say that something happened, now."""
        event = Event(
            event_id=new_id(),
            execution_id=execution_id,
            kind=kind,
            happened_at=now(),
            actor=self.worker_id,
            payload=payload,
        )
        with self._news:
            if not self._joined(event):
                self._queue.append(event)
            self._is_urgent |= event.kind not in PATIENT
            self._news.notify_all()

    def _joined(self, event: Event) -> bool:
        """Whether it could be added to the output that waits to be sent just before it."""
        last = self._queue[-1] if self._queue else None
        if event.kind is not EventKind.LOGGED or last is None:
            return False
        if last.kind is not EventKind.LOGGED or last.execution_id != event.execution_id:
            return False
        text = last.payload["text"] + event.payload["text"]
        if last.payload["stream"] != event.payload["stream"] or len(text) > LINES:
            return False
        self._queue[-1] = replace(last, payload={**last.payload, "text": text})
        return True

    def poll(self, holding: list[str], paused: list[str]) -> dict[str, Json]:
        """What the engine wants done."""
        body = {**self._who, "holding": holding, "paused": paused}
        told: dict[str, Json] = self.client.post(f"/worker/{self.worker_id}/poll", body)
        return told

    @property
    def is_quiet(self) -> bool:
        """Whether everything that was reported is acknowledged."""
        with self._news:
            return not self._queue and not self._sending

    def flush(self, seconds: float) -> bool:
        """Wait until everything so far is acknowledged; whether it was within `seconds`."""
        deadline = monotonic() + seconds
        with self._news:
            self._is_urgent = True
            self._news.notify_all()
            return self._news.wait_for(
                lambda: not self._queue and not self._sending, deadline - monotonic()
            )

    def close(self, seconds: float = 10.0) -> bool:
        """Flush, and stop sending; whether everything was acknowledged."""
        is_flushed = self.flush(seconds)
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        return is_flushed

    def _send_all(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._queue or self._is_closed)
                self._news.wait_for(lambda: self._is_due, LINGER_SECONDS)
                if not self._queue:
                    return
                count = min(BATCH, len(self._queue))
                self._sending = [self._queue.popleft() for _ in range(count)]
                self._is_urgent &= bool(self._queue)
            self._send(self._sending)
            with self._news:
                self._sending = []
                self._news.notify_all()

    @property
    def _is_due(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._queue) >= BATCH

    def _send(self, events: list[Event]) -> None:
        """Send them until they are acknowledged, or refused for good one by one."""
        while not self._is_closed:
            try:
                body = {**self._who, "events": [event.to_json() for event in events]}
                self.client.post(f"/worker/{self.worker_id}/report", body)
                return
            except FlowkernelError as error:
                if error.is_answer and not isinstance(error, EngineError):
                    return self._send_apart(events, error)
                log.warning("the engine is away, trying again: %s", error)
            except Exception as error:  # This thread is the only one that reports.
                return self._send_apart(events, error)
            with self._news:
                self._news.wait_for(lambda: self._is_closed, RETRY_SECONDS)

    def _send_apart(self, events: list[Event], error: Exception) -> None:
        """One of them cannot be sent: the others can."""
        if len(events) == 1:
            log.error("a report of kind %s was refused: %s", events[0].kind, error)
            return
        for event in events:
            self._send([event])
