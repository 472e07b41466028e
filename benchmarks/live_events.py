"""Executions that run, and so many changes a second of their cells, without a kernel.

We are their worker: what we report is recorded, and sent to those who watch, as that of any
other. A cell starts and ends again and again, so that the line of its run in the panel is
another one with each change: `cell 3 of 200: value = 3`, and then `3 of 200 cells`.
"""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import psutil

from benchmarks.running_engine import RunningEngine
from flowkernel.core.clock import new_id
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import Event, EventKind
from flowkernel.core.worker_report import WorkerReport

K = EventKind
CELLS = 200  #: Of each run; then it succeeds, and another one starts in its place.
EVERY = 0.02  #: Seconds between two reports.
MOST = 500  #: Changes of one report, inclusive: after a pause there are many.
STARTED = re.compile(r"cell (\d+) of ")
ENDED = re.compile(r"(\d+) of \d+ cells")


def step_of(text: str) -> int | None:
    """Which change of a run a text in the panel shows, counted from 1; None: none."""
    if match := STARTED.match(text):
        return 2 * int(match[1]) - 1
    if match := ENDED.match(text):
        return 2 * int(match[1])
    return None


@dataclass(slots=True)
class LiveRun:
    """One of them, and how many changes it has had."""

    execution_id: str
    attempt: int
    steps: int = 0
    cell_run_id: str = ""

    @property
    def is_over(self) -> bool:
        """Whether all of its cells have run."""
        return self.steps >= 2 * CELLS

    def next_event(self) -> Event:
        """Its next cell starts, or the one that runs ends."""
        self.steps += 1
        if self.steps % 2 == 0:
            payload = {"cell_run_id": self.cell_run_id, "status": "SUCCESS"}
            return make_event(self.execution_id, K.CELL_ENDED, **payload)
        self.cell_run_id, number = new_id(), (self.steps + 1) // 2
        return make_event(
            self.execution_id,
            K.CELL_STARTED,
            cell_run_id=self.cell_run_id,
            cell_id=f"cell-{number}",
            cell_index=number - 1,
            cell_number=number,
            first_line=f"value = {number}",
            source_hash=f"hash-{number}",
        )


class LiveEvents:
    """So many runs, and so many changes a second, while the block lasts."""

    def __init__(self, engine: RunningEngine, *, runs: int, rate: float) -> None:
        self._engine = engine
        self._rate = rate
        self._worker_id = f"papermill-{new_id()}"
        self._is_over = threading.Event()
        self._numbers = count(1)
        #: By execution, when each of its changes was sent, in ms since 1970.
        self.sent: dict[str, list[float]] = defaultdict(list)
        self.changes = 0  #: Sent so far.
        self.error: Exception | None = None  #: What ended it before its time.
        self._engine.register("live", "pass")
        self._runs = [self._started() for _ in range(runs)]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "LiveEvents":
        self._thread.start()
        return self

    def wait(self, seconds: float) -> None:
        """Wait so long. Raises what ended them before."""
        deadline = time.monotonic() + seconds
        while self.error is None and time.monotonic() < deadline:
            self._is_over.wait(0.5)
        if self.error is not None:
            raise self.error

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        ids = [run.execution_id for run in self._runs]
        end = {"status": "ENDED_SUCCESS"}
        self._report(*(make_event(id_, K.ENDED, **end) for id_ in ids))

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # The measurement looks for it.
            self.error = error

    def _send_all(self) -> None:
        turns, start = self._turns(), time.monotonic()
        while not self._is_over.is_set():
            due = int((time.monotonic() - start) * self._rate) - self.changes
            if due > 0:
                self._send([next(turns) for _ in range(min(due, MOST))])
            self._is_over.wait(0 if due > MOST else EVERY)

    def _turns(self) -> Iterator[LiveRun]:
        for place in cycle(range(len(self._runs))):
            if self._runs[place].is_over:
                self._replace(place)
            yield self._runs[place]

    def _send(self, runs: list[LiveRun]) -> None:
        events = [run.next_event() for run in runs]
        moment = time.time() * 1000
        for run in runs:
            self.sent[run.execution_id].append(moment)
        self._report(*events)
        self.changes += len(events)

    def _replace(self, place: int) -> None:
        """One is over; another one starts."""
        over = self._runs[place]
        self._report(make_event(over.execution_id, K.ENDED, status="ENDED_SUCCESS"))
        self._runs[place] = self._started()

    def _started(self) -> LiveRun:
        number = next(self._numbers)
        body = {"flow": "live", "name": f"live {number}", "worker": self._worker_id}
        record = self._engine.client.post("/execution", body)
        run = LiveRun(record["execution_id"], record.get("attempt", 1))
        self._report(make_event(run.execution_id, K.CELLS_COUNTED, cell_count=CELLS))
        return run

    def _report(self, *events: Event) -> None:
        process = psutil.Process()
        body: dict[str, Any] = {
            "pid": process.pid,
            "process_started_at": process.create_time(),
            "events": [WorkerReport(event).to_json() for event in events],
        }
        path = f"/worker/{self._worker_id}/report"
        refused = self._engine.client.post(path, body)["refused"]
        if refused:
            raise RuntimeError(f"{len(refused)} changes were refused")


def latencies(
    sent: dict[str, list[float]], seen: Iterable[tuple[str, str, float]]
) -> list[float]:
    """From each change that was sent until the page showed it, or a later one, in ms.

    Args:
        sent: By execution, when each of its changes was sent.
        seen: An execution, the text of its line from then on, and the moment. What a page
            shows first may be old: it counts from then on.
    """
    shown: dict[str, int] = {}
    waits: list[float] = []
    for execution_id, text, moment in seen:
        step = step_of(text)
        if step is None:
            continue
        first = shown.get(execution_id, step)
        shown[execution_id] = max(first, step)
        moments = sent.get(execution_id, [])[first:step]
        waits += [moment - then for then in moments]
    return waits


def share(values: list[float], part: float) -> float:
    """The value that so many of all values do not exceed: 0.95 of them, for example."""
    ordered = sorted(values)
    place = min(len(ordered) - 1, int(part * len(ordered)))
    return ordered[place]
