"""A report that an engine refuses is not lost where something waits for it."""

import threading

import pytest

from flowkernel.core.errors import EngineUnreachable, from_code
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.worker.reporting import engine_link
from flowkernel.worker.reporting.engine_link import EngineLink

K = EventKind


class RefusingEngine:
    """Stands for a client: refuses the reports that a test names, records the others."""

    def __init__(self, refuses):
        self._refuses = refuses
        self.events = []
        self.refusals = 0
        self._lock = threading.Lock()

    def post(self, _path, body):
        with self._lock:
            events = body["events"]
            if error := next(filter(None, map(self._refuses, events)), None):
                self.refusals += 1
                raise error
            self.events += events

    def reports(self):
        return [(event["kind"], event["execution_id"]) for event in self.events]


@pytest.fixture
def link_to(monkeypatch):
    """A link to an engine that refuses what `refuses` returns an error for."""
    monkeypatch.setattr(engine_link, "RETRY_SECONDS", 0.01)
    links = []

    def make(refuses):
        engine = RefusingEngine(refuses)
        links.append(EngineLink(engine, "w"))
        return links[-1], engine

    yield make
    for link in links:
        link.close(0)


def has_error(event):
    if "error" in event["payload"]:
        return from_code("BadArgument", "payload.error.name: too long")
    return None


def report_end(link, execution_id="e"):
    error = {"name": "A", "message": "", "traceback": ""}
    link.report(execution_id, 1, K.ENDED, status=S.ENDED_ERROR, error=error)


def test_an_end_that_is_refused_is_replaced_by_one_without_details(link_to):
    link, engine = link_to(has_error)

    report_end(link)

    assert link.flush(10)
    (end,) = engine.events
    assert end["payload"] == {
        "status": "ENDED_ERROR",
        "status_message": "The report of its end was refused: "
        "payload.error.name: too long",
    }


def test_a_failure_that_is_refused_is_replaced_too(link_to):
    link, engine = link_to(has_error)

    link.report("e", 1, K.FAILED, status_message="No.", error={}, is_parked=True)

    assert link.flush(10)
    (failure,) = engine.events
    assert failure["payload"]["is_parked"] is True
    assert "error" not in failure["payload"]


def test_an_end_that_is_refused_again_and_again_is_reported_in_the_end(link_to):
    """As by an engine that checks something that this worker does not know of."""
    refusals = iter(range(4))

    def refuses(event):
        if event["kind"] == "ended" and next(refusals, None) is not None:
            return from_code("ValueTooBig", "it is too big")
        return None

    link, engine = link_to(refuses)
    report_end(link)
    link.report("f", 1, K.LOGGED, stream="stdout", text="hello")

    assert link.flush(10)
    assert sorted(engine.reports()) == [("ended", "e"), ("logged", "f")]
    assert engine.refusals >= 4


def test_what_is_refused_keeps_nothing_else_from_the_engine(link_to):
    def refuses(event):
        return has_error(event) or (
            from_code("BadArgument", "no")
            if event["payload"].get("text") == "bad"
            else None
        )

    link, engine = link_to(refuses)
    for text in ("good", "bad", "fine"):
        link.report("e", 1, K.LOGGED, stream=text, text=text)
    report_end(link)

    assert link.flush(10)
    assert [event["payload"].get("text") for event in engine.events] == [
        "good",
        "fine",
        None,
    ]


def test_a_report_waits_for_an_engine_that_is_away(link_to):
    absences = iter(range(3))

    def refuses(_event):
        is_away = next(absences, None) is not None
        return EngineUnreachable("It is away.") if is_away else None

    link, engine = link_to(refuses)
    report_end(link)

    assert link.flush(10)
    assert engine.reports() == [("ended", "e")]
    assert engine.refusals == 3


class OpenEnd:
    """An engine during each of whose requests another run prints, and a third one ends."""

    def __init__(self):
        self.link, self.events = None, []

    def post(self, _path, body):
        self.events += body["events"]
        self.link.report("other", 1, K.CELLS_COUNTED, cell_count=len(self.events))
        self.link.report("third", 1, K.PAUSED)


def test_what_others_report_later_is_not_waited_for(link_to):
    link, _ = link_to(lambda _event: None)
    engine = link.client = OpenEnd()
    engine.link = link

    report_end(link)

    assert link.flush(5)
    assert ("ended", "e") in [(e["kind"], e["execution_id"]) for e in engine.events]
    assert not link.is_quiet


def test_an_end_that_stands_for_a_refused_one_is_waited_for_in_its_place(link_to):
    """Though it comes behind what was reported later."""
    refusals = iter(range(3))
    ended = []

    def refuses(event):
        if event["kind"] != "ended":
            return None
        if next(refusals, None) is None:
            ended.append(event)
            return None
        for number in range(5):  # Others go on.
            link.report(f"other{number}", 1, K.PAUSED)
        return from_code("ValueTooBig", "it is too big")

    link, _ = link_to(refuses)
    report_end(link)

    assert link.flush(10)
    assert len(ended) == 1


def test_output_that_joins_a_report_is_waited_for(link_to):
    link, engine = link_to(lambda _event: None)
    for text in "abc":
        link.report("e", 1, K.LOGGED, stream="stdout", text=text)

    assert link.flush(10)
    assert "".join(event["payload"]["text"] for event in engine.events) == "abc"
