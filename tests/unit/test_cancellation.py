"""Children go with their parent, however late they were asked for."""

from datetime import UTC, datetime

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.cancellation import (
    cancelled_with,
    cancels,
    late,
    never_started,
)

S = ExecutionStatus
K = EventKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(execution_id, status=S.RUNNING, **fields):
    return Execution(
        execution_id=execution_id,
        root_id="parent",
        type="FLOW",
        flow_name="report",
        flow_version="v1",
        name="report",
        status=status,
        created_at=NOON,
        **fields,
    )


def child(status, **fields):
    return execution("child", status, parent_id="parent", **fields)


def event(kind, **payload):
    return Event(
        event_id=new_id(),
        execution_id="parent",
        kind=kind,
        happened_at=NOON,
        payload=payload,
    )


@pytest.mark.parametrize(
    "parent",
    [execution("parent", asked="cancel"), execution("parent", S.ENDED_CANCELLED)],
    ids=["asked", "ended"],
)
def test_a_child_of_a_cancelled_parent_is_cancelled(parent):
    [said] = late(child(S.QUEUED), parent)

    assert (said.execution_id, said.kind) == ("child", K.ENDED)
    assert said.payload["status"] is S.ENDED_CANCELLED
    assert said.payload["status_message"] == "Cancelled with its parent."


@pytest.mark.parametrize("asked", [None, "pause", "resume"])
def test_a_child_of_any_other_parent_stays(asked):
    assert late(child(S.QUEUED), execution("parent", asked=asked)) == []


@pytest.mark.parametrize("what", ["cancel", "pause", "resume", None])
def test_what_is_asked_cancels_only_if_it_is_that(what):
    assert cancels(event(K.ASKED, what=what)) is (what == "cancel")


@pytest.mark.parametrize("status", [status for status in S if status.is_ended])
def test_an_end_cancels_only_if_it_is_that(status):
    assert cancels(event(K.ENDED, status=status)) is (status is S.ENDED_CANCELLED)


def test_one_that_a_worker_has_is_asked_for_and_only_once():
    running = child(S.RUNNING, worker="w")
    asked = child(S.RUNNING, worker="w", asked="cancel")
    other = execution("other", parent_id="somebody")

    [said] = cancelled_with("parent", [running, asked, other])

    assert (said.execution_id, said.kind) == ("child", K.ASKED)


@pytest.mark.parametrize("status", [status for status in S if not status.is_ended])
def test_only_what_was_only_recorded_ends_with_its_parent(status):
    told = never_started("parent", [child(status)])

    assert [said.kind for said in told] == ([K.ENDED] if status is S.PENDING else [])
