"""The log of a run, line by line: when, from which stream, and what."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol, TextIO

from flowkernel.cli.output import OutputForm, print_rows
from flowkernel.cli.run_history import decisions_of
from flowkernel.client.client import Client
from flowkernel.core import clock
from flowkernel.core.models import CellRun, Event, Execution
from flowkernel.core.text import for_encoding, plain_text
from flowkernel.display.decision_text import decision_text, difference_lines

WIDTH = 7  #: Columns of the name of a stream: stdout, stderr, display, log, decided.
DECIDED = "decided"  #: Instead of the stream of a line, where it says what was decided.


class EventLines(Protocol):
    """Writes what was logged, one event after the other."""

    def write(self, event: Event) -> None:
        """Write what one event has logged."""

    def end(self) -> None:
        """Called after the last one."""


def make_log_lines(
    form: OutputForm, stream: TextIO, *, has_times: bool
) -> "EventLines":
    """What writes a log in this form."""
    if form is OutputForm.TEXT:
        return LogLines(stream, has_times=has_times)
    return LogRecords(stream, form)


class LogLines:
    """Writes what was logged as it comes: parts of lines, of several streams, in turn."""

    def __init__(self, stream: TextIO, *, has_times: bool) -> None:
        """`has_times`: whether each line begins with its time and its stream."""
        self._stream = stream
        self._has_times = has_times
        self._day = (
            clock.now().astimezone().date()
        )  #: Of the times that were written last.
        #: Which stream the line belongs to that is not at its end yet; None: there is none.
        self._open: str | None = None

    def write(self, event: Event) -> None:
        """Write what one event has logged."""
        text = plain_text(event.payload["text"])
        if self._has_times:
            text = "".join(self._parts(event, text))
        self._stream.write(for_encoding(text, self._stream.encoding))
        self._stream.flush()

    def end(self) -> None:
        """End the line that is still open."""
        if self._has_times and self._open is not None:
            self._stream.write("\n")
            self._open = None

    def _parts(self, event: Event, text: str) -> Iterator[str]:
        name = event.payload.get("stream", "log")
        moment = event.happened_at.astimezone()
        for line in text.splitlines(keepends=True):
            if self._open != name:
                if self._open is not None:
                    yield "\n"
                yield from self._day_line(moment.date())
                yield f"{moment:%H:%M:%S} {name:<{WIDTH}} "
            yield line
            self._open = None if line.endswith("\n") else name

    def _day_line(self, day: date) -> Iterator[str]:
        """A line with the day, where it is not that of the line before."""
        if day != self._day:
            self._day = day
            yield f"{day:%Y-%m-%d}\n"


class LogDecisions:
    """The decisions on a run, as lines of its log."""

    def __init__(self, client: Client, *, is_shown: bool) -> None:
        self._client = client
        self._is_shown = is_shown
        self._event_ids: set[str] = set()  #: Of those that were read.
        self._read_at = -1  #: The last event of the run when they were read.

    def new_events(self, execution: Execution) -> list[Event]:
        """Those after the last ones that were read, as if the run had logged them."""
        if not self._is_shown or execution.last_seq == self._read_at:
            return []
        self._read_at = execution.last_seq
        events = decisions_of(self._client, execution)
        new = [event for event in events if event.event_id not in self._event_ids]
        self._event_ids.update(event.event_id for event in new)
        cell_runs = self._client.cell_runs(execution.execution_id) if new else []
        return [_as_logged(event, execution.execution_id, cell_runs) for event in new]


def _as_logged(event: Event, execution_id: str, cell_runs: Sequence[CellRun]) -> Event:
    text = decision_text(event, execution_id, cell_runs) + "\n"
    text += "".join(f"{line}\n" for line in difference_lines(event))
    return replace(event, payload={"stream": DECIDED, "text": text})


class LogRecords:
    """Writes each event for programs: as a line with a JSON object, or as a row of CSV."""

    NAMES = ("happened_at", "stream", "text")

    def __init__(self, stream: TextIO, form: OutputForm) -> None:
        self._stream = stream
        self._form = form
        if form is OutputForm.CSV:
            print_rows([self.NAMES])

    def write(self, event: Event) -> None:
        """Write one event."""
        record = {"happened_at": event.to_json()["happened_at"], **event.payload}
        if self._form is OutputForm.CSV:
            print_rows([[record.get(name) for name in self.NAMES]])
        else:
            self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Nothing: each event is whole."""
