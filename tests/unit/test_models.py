"""The records as JSON: what older versions stored is read, and written again unchanged."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.models import (
    Decision,
    DecisionVerb,
    Environment,
    Execution,
    Failure,
    OnLost,
    RequestedAction,
    Wrapped,
)
from flowkernel.core.status import ExecutionStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
#: As a home has them that an older version made: the order of the keys counts, too.
WORKER_FAILURE = {"cell_id": "b", "cell_number": 2, "cell_count": 3, "source": "1 / 0"}
ANSWERED = {
    "message_id": "m1",
    "decided_by": "ada",
    "decided_from": "notebook",
    "cell_id": "b",
}
STORED_WRAPPED = {
    "flow": "report",
    "flow_name": "report",
    "flow_version": "4f2a",
    "environment": {
        "interpreter": "/usr/bin/python3",
        "kernel_name": None,
        "prefix": "/usr",
        "cwd": "/home/ada",
    },
    "on_lost": "run_again",
    "cell_timeout": None,
    "type": "FLOW",
    "inputs": {"day": "monday"},
    "name": "report",
    "wrappers": [{"name": "timeout", "inputs": {"timeout_sec": 60}}],
}
STORED_FAILURES = [
    {
        **WORKER_FAILURE,
        "kernel_lost": "Its kernel ended.",
        "failed_at": "2026-01-01T12:00:00+00:00",
    },
    {**WORKER_FAILURE, "failed_at": "2026-01-01T12:00:00.123456+00:00"},
    {"failed_at": "2026-01-01T12:00:00+00:00"},
    WORKER_FAILURE,
    {},
]
STORED_DECISIONS = [
    {
        "verb": "retry_cell",
        **ANSWERED,
        "source": "1 / 1",
        "difference": "-1 / 0\n+1 / 1",
        "decision_id": "e1",
    },
    {"verb": "retry_cell", **ANSWERED, "decision_id": "e1"},
    {"verb": "skip", **ANSWERED, "values": {}, "decision_id": "e1"},
    {
        "verb": "retry_with_inputs",
        **ANSWERED,
        "cell_id": None,
        "inputs": {"day": None},
        "decision_id": "e1",
    },
    {
        "verb": "fail",
        "message_id": None,
        "decided_by": "",
        "decided_from": "",
        "cell_id": "b",
        "why": "Nobody answered in time.",
        "decision_id": "e1",
    },
    {"verb": "cancel_all", **ANSWERED},  # The payload of the event has no id.
]
EXECUTION = {
    "execution_id": "e",
    "root_id": "e",
    "type": "FLOW",
    "flow_name": "report",
    "flow_version": "4f2a",
    "name": "report",
    "status": "RUNNING",
    "created_at": "2026-01-01T12:00:00Z",
}
STORED = [
    (Wrapped, STORED_WRAPPED),
    *((Failure, record) for record in STORED_FAILURES),
    *((Decision, record) for record in STORED_DECISIONS),
]

TEXTS = st.text(max_size=5)
SOME_TEXT = st.none() | TEXTS
SOME_NUMBER = st.none() | st.integers(0, 9)
INPUTS = st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS, max_size=3)
MOMENTS = st.datetimes(timezones=st.just(UTC))
FAILURES = st.builds(
    Failure,
    cell_id=SOME_TEXT,
    cell_number=SOME_NUMBER,
    cell_count=SOME_NUMBER,
    source=SOME_TEXT,
    kernel_lost=SOME_TEXT,
    failed_at=st.none() | MOMENTS,
)
DECISIONS = st.builds(
    Decision,
    verb=st.sampled_from(DecisionVerb),
    message_id=SOME_TEXT,
    decided_by=TEXTS,
    decided_from=TEXTS,
    cell_id=SOME_TEXT,
    why=SOME_TEXT,
    source=SOME_TEXT,
    difference=SOME_TEXT,
    values=st.none() | INPUTS,
    inputs=st.none() | INPUTS,
    decision_id=SOME_TEXT,
)
WRAPPED = st.builds(
    Wrapped,
    flow=SOME_TEXT,
    flow_name=TEXTS,
    flow_version=TEXTS,
    environment=st.builds(Environment, interpreter=SOME_TEXT, cwd=SOME_TEXT),
    on_lost=st.sampled_from(OnLost),
    cell_timeout=st.none() | st.floats(0, 1e6),
    type=st.sampled_from(["FLOW", "SCRIPT", "WRAPPER"]),
    inputs=INPUTS,
    name=TEXTS,
    wrappers=st.lists(st.fixed_dictionaries({"name": TEXTS, "inputs": INPUTS})),
)
EXECUTIONS = st.builds(
    Execution,
    execution_id=TEXTS,
    root_id=TEXTS,
    type=st.sampled_from(["FLOW", "SCRIPT", "WRAPPER"]),
    flow_name=TEXTS,
    flow_version=TEXTS,
    name=TEXTS,
    status=st.sampled_from(ExecutionStatus),
    requested_action=st.none() | st.sampled_from(RequestedAction),
    created_at=MOMENTS,
    wrapped=st.none() | WRAPPED,
    failure=st.none() | FAILURES,
    decision=st.none() | DECISIONS,
)


@pytest.mark.parametrize(("model", "record"), STORED)
def test_what_is_stored_is_written_again_unchanged(model, record):
    written = model.from_json(record).to_json()

    assert json.dumps(written) == json.dumps(record)


def test_what_is_stored_is_read_into_types():
    wrapped = Wrapped.from_json(STORED_WRAPPED)
    failure = Failure.from_json(STORED_FAILURES[0])
    decision = Decision.from_json(STORED_DECISIONS[0])

    assert wrapped.environment.cwd == "/home/ada"
    assert wrapped.on_lost is OnLost.RUN_AGAIN
    assert failure.failed_at == NOON
    assert decision.verb is DecisionVerb.RETRY_CELL


@pytest.mark.parametrize(
    ("model", "record"),
    [
        (Wrapped, {"flow_name": "f", "flow_version": "v", "name": "f"}),
        (Failure, {"source": "1 / 0"}),
        (Decision, {"verb": "skip"}),
    ],
)
def test_what_an_older_version_did_not_write_may_be_missing(model, record):
    assert model.from_json(record).to_json().items() >= record.items()


def test_a_field_is_read_by_the_name_it_had_in_older_versions():
    former = {**EXECUTION, "asked": "pause"}
    both = {**former, "requested_action": "cancel"}

    assert Execution.from_json(former).requested_action is RequestedAction.PAUSE
    assert Execution.from_json(both).requested_action is RequestedAction.CANCEL
    assert Execution.from_json({**EXECUTION, "asked": None}).requested_action is None
    assert "asked" not in Execution.from_json(former).to_json()


@given(st.one_of(FAILURES, DECISIONS, WRAPPED, EXECUTIONS))
def test_a_record_is_the_same_after_json(record):
    text = json.dumps(record.to_json())

    assert type(record).from_json(json.loads(text)) == record
