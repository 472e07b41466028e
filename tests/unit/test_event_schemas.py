"""Which events a worker may report, and what their payloads must have."""

import pytest

from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import EventKind
from flowkernel.engine.api.event_schemas import PAYLOADS, EventRecord
from flowkernel.engine.dispatch.worker_reports import REPORTED_KINDS


def record(kind, **payload):
    return EventRecord(
        event_id=new_id(),
        execution_id=new_id(),
        kind=kind,
        happened_at=now(),
        payload=payload,
    )


def test_every_kind_that_a_worker_may_report_has_a_payload_to_fit():
    assert set(PAYLOADS) == REPORTED_KINDS


def test_a_payload_that_does_not_fit_is_refused_with_the_field_at_fault():
    with pytest.raises(BadArgument, match=r"'cell_started'.*payload.cell_index"):
        record(
            "cell_started", cell_run_id="r", cell_id="c", cell_index=-1, source_hash="h"
        ).to_event()


def test_a_field_that_this_version_does_not_know_stays_in_the_payload():
    event = record("logged", stream="log", text="hello", level=3).to_event()

    assert event.kind is EventKind.LOGGED
    assert event.payload == {"stream": "log", "text": "hello", "level": 3}
