"""Runs for a spreadsheet."""

from datetime import timedelta

from flowkernel.cli.execution_csv import COLUMNS, csv_record
from flowkernel.core.models import Wrapped
from flowkernel.core.status import ExecutionStatus
from tests.records import NOON, an_execution


def test_a_run_is_what_a_person_sees_with_ids_moments_and_seconds():
    execution = an_execution(
        status=ExecutionStatus.ENDED_ERROR,
        status_message="KeyError: 'sales'",
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=90.5),
        answer_seconds=60.0,
        skipped_cells=1,
        decided_by="ada",
        inputs={"day": "2026-01-01"},
    )

    record = csv_record(execution)

    assert tuple(record) == COLUMNS
    assert (record["status"], record["flow"]) == ("failed", "report")
    assert record["interventions"] == "1 cell skipped by ada"
    assert (record["work_seconds"], record["answer_seconds"]) == (30.5, 60.0)
    assert record["execution_id"] == execution.execution_id
    assert record["created_at"].startswith("2026-01-01T12:00:00")
    assert not any(isinstance(value, dict | list) for value in record.values())


def test_a_wrapper_has_the_flow_that_it_runs():
    wrapped = Wrapped(flow="x", flow_name="fetch", flow_version="v1", name="fetch")

    assert csv_record(an_execution(wrapped=wrapped))["flow"] == "fetch"
