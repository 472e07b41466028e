"""Children are cancelled with their parent, however late they were started."""

from datetime import UTC, datetime

import pytest

from flowkernel.core.clock import new_id
from flowkernel.core.models import Event, EventKind, Execution, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.dispatch.cancellation import (
    cancel_children,
    cancel_late_child,
    cancel_pending_children,
    cancels,
)

S = ExecutionStatus
K = EventKind
A = RequestedAction
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


def parent_event(kind, **payload):
    return Event(
        event_id=new_id(),
        execution_id="parent",
        kind=kind,
        happened_at=NOON,
        payload=payload,
    )


@pytest.mark.parametrize(
    "parent",
    [
        execution("parent", requested_action=A.CANCEL),
        execution("parent", S.ENDED_CANCELLED),
    ],
    ids=["requested", "ended"],
)
def test_a_child_of_a_cancelled_parent_is_cancelled(parent):
    [event] = cancel_late_child(child(S.QUEUED), parent)

    assert (event.execution_id, event.kind) == ("child", K.ENDED)
    assert event.payload["status"] is S.ENDED_CANCELLED
    assert event.payload["status_message"] == "Cancelled with its parent."


@pytest.mark.parametrize("action", [None, A.PAUSE, A.RESUME])
def test_a_child_of_any_other_parent_stays(action):
    parent = execution("parent", requested_action=action)

    assert cancel_late_child(child(S.QUEUED), parent) == []


@pytest.mark.parametrize("what", ["cancel", "pause", "resume", None])
def test_only_a_request_to_cancel_cancels(what):
    assert cancels(parent_event(K.REQUESTED, what=what)) is (what == "cancel")


@pytest.mark.parametrize("status", [status for status in S if status.is_ended])
def test_an_end_cancels_only_if_it_is_that(status):
    assert cancels(parent_event(K.ENDED, status=status)) is (
        status is S.ENDED_CANCELLED
    )


def test_a_worker_is_requested_to_cancel_a_child_only_once():
    running = child(S.RUNNING, worker="w")
    requested = child(S.RUNNING, worker="w", requested_action=A.CANCEL)
    other = execution("other", parent_id="another")

    [event] = cancel_children("parent", [running, requested, other])

    assert (event.execution_id, event.kind) == ("child", K.REQUESTED)


@pytest.mark.parametrize("status", [status for status in S if not status.is_ended])
def test_only_what_was_only_recorded_ends_with_its_parent(status):
    events = cancel_pending_children("parent", [child(status)])

    assert [event.kind for event in events] == (
        [K.ENDED] if status is S.PENDING else []
    )
