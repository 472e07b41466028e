"""Whatever a kernel says of an error, the engine takes the report of it."""

import json
from types import SimpleNamespace

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from flowkernel.core.json_values import dumps
from flowkernel.core.models import CellError, EventKind, Failure
from flowkernel.core.redaction import Redaction
from flowkernel.core.report_limits import (
    ERROR_NAME_CHARACTERS,
    MAX_CELLS,
    PAYLOAD_LIMITS,
    TextLimit,
)
from flowkernel.core.status import CellStatus
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.api.event_schemas import PAYLOADS, EventRecord
from flowkernel.worker.notebook.cell_location import CellLocation
from flowkernel.worker.notebook.cell_outcome import error_outcome
from flowkernel.worker.reporting.execution_session import ExecutionSession
from flowkernel.worker.reporting.report_event import (
    bounded_text,
    minimal_report,
    report_event,
)

K = EventKind
#: Half characters, NUL and control characters included.
TEXTS = st.builds(
    lambda text, count: text * count,
    st.text(st.characters(exclude_categories=())),
    st.sampled_from([1, 1, 1, 200, 30_000]),
)
HUGE = "A" * 3_000_000


class ReportedSession:
    """A session, and the events that it reports, as the engine gets them."""

    def __init__(self, *, parks=False):
        self.events = []
        link = SimpleNamespace(report=self._report)
        self.session = ExecutionSession(
            link, "e", log_limit=10_000_000, cancel_grace=1.0, parks=parks
        )

    def _report(self, execution_id, _attempt, kind, **payload):
        self.events.append(report_event("w", execution_id, kind, payload))

    def records(self):
        for event in self.events:
            yield EventRecord.model_validate(as_sent(event)).to_event()


def as_sent(event):
    return json.loads(dumps(event.to_json()).encode())


def limits_of(model: type[BaseModel]):
    """The limits of a schema: of its texts and numbers, and of the schemas in it."""
    schema = model.model_json_schema()
    return _limits(schema, schema.get("$defs", {}))


def _limits(schema, definitions):
    limits = {}
    for name, field in schema.get("properties", {}).items():
        for choice in field.get("anyOf", [field]):
            if "$ref" in choice:
                choice = definitions[choice["$ref"].rpartition("/")[2]]
            if "properties" in choice:
                limits[name] = _limits(choice, definitions)
            elif choice.get("type") == "string" and not choice.keys() & {
                "enum",
                "format",
            }:
                limits[name] = choice.get("maxLength")
            elif choice.get("type") == "integer":
                limits[name] = choice.get("maximum")
    return limits


def numbers(limits):
    return {
        name: limit.characters
        if isinstance(limit, TextLimit)
        else limit
        if isinstance(limit, int)
        else numbers(limit)
        for name, limit in limits.items()
    }


def test_the_worker_cuts_each_text_to_the_limit_that_the_engine_checks():
    """A field without a limit would have none here: the engine's schema says each."""
    assert {kind: limits_of(model) for kind, model in PAYLOADS.items()} == {
        kind: numbers(limits) for kind, limits in PAYLOAD_LIMITS.items()
    }


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3), TEXTS, st.booleans())
@example(HUGE, HUGE, [HUGE], HUGE, False)
@example("\ud800", "\x00\x1b[31m", ["\udfff\n"], "\x00", True)
def test_any_error_is_reported_so_that_the_engine_takes_it(
    name, message, traceback, cell_id, parks
):
    reported = ReportedSession(parks=parks)
    content = {"ename": name, "evalue": message, "traceback": traceback}
    location = CellLocation(cell_id=cell_id, index=2 * MAX_CELLS, number=1, count=1)
    outcome = error_outcome(content, location, is_cancelled=False)

    cell_run_id = reported.session.start_cell(
        cell_id=cell_id,
        cell_index=2 * MAX_CELLS,
        cell_number=None,
        first_line=message,
        source_hash="hash",
    )
    reported.session.end_cell(cell_run_id, outcome.status, outcome.error)
    reported.session.log(name, message)
    reported.session.end(outcome.ending, Failure(cell_id=cell_id, source=message))

    assert [event.kind for event in reported.records()] == [
        event.kind for event in reported.events
    ]


@given(TEXTS, st.integers(1, 100), st.booleans())
def test_a_text_is_cut_only_where_it_is_too_long(text, count, keeps_end):
    plain = text.encode("utf-8", "backslashreplace").decode()

    cut = bounded_text(text, TextLimit(count, keeps_end=keeps_end))

    assert len(cut) <= count
    if len(plain) <= count:
        assert cut == plain
    elif keeps_end:
        assert cut[0] == "…"
        assert plain.endswith(cut[1:])
    else:
        assert cut[-1] == "…"
        assert plain.startswith(cut[:-1])


def test_a_log_that_is_long_is_many_events_and_nothing_of_it_is_lost():
    reported = ReportedSession()

    reported.session.log("stdout", "line\n" * 100_000)

    records = list(reported.records())
    assert len(records) > 1
    assert "".join(event.payload["text"] for event in records) == "line\n" * 100_000


def test_protected_values_are_in_no_report_however_the_output_is_cut():
    reported = ReportedSession()
    reported.session.redaction = Redaction.of(values=["secret"])

    for piece in ("a sec", "re", "t, a sec"):
        reported.session.log("stdout", piece)
    reported.session.end_cell(
        "1", CellStatus.ERROR, CellError(name="secret", message="x")
    )

    *lines, end = reported.records()
    assert "".join(event.payload["text"] for event in lines) == "a ***, a sec"
    assert end.payload["error_name"] == "***"


def test_the_end_that_stands_for_a_refused_one_has_nothing_to_refuse():
    end = {"status": S.ENDED_SUCCESS, "status_message": "Done.", "error": None}
    event = report_event("w", "e", K.ENDED, end)

    minimal = minimal_report(event, HUGE)

    assert EventRecord.model_validate(as_sent(minimal)).to_event().payload.keys() == {
        "status",
        "status_message",
    }
    assert minimal.event_id == event.event_id
    assert minimal.payload["status"] is S.ENDED_SUCCESS
    assert minimal.payload["status_message"].startswith(
        "The report of its end was refused: AAA"
    )
    assert len(minimal.payload["status_message"]) < ERROR_NAME_CHARACTERS


def test_nothing_stands_for_a_refused_line_of_output():
    event = report_event("w", "e", K.LOGGED, {"stream": "stdout", "text": "x"})

    assert minimal_report(event, "no") is None
